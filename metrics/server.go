package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// AddressError: the address cannot be listened at.
type AddressError struct {
	Address string
	Err     error
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("cannot listen at %s: %v", e.Address, e.Err)
}

// Unwrap gives the cause.
func (e *AddressError) Unwrap() error { return e.Err }

// ExitCode is "wrong usage": nothing was begun.
func (e *AddressError) ExitCode() int { return 2 }

// Hint says what to do.
func (e *AddressError) Hint() string {
	return "--listen 127.0.0.1:9469, or another free port; each running produce and consume needs its own"
}

// Address is where a text means to listen: a port alone is this machine's own; to be reached from elsewhere, an address is named.
func Address(text string) string {
	if !strings.Contains(text, ":") {
		text = ":" + text
	}
	if strings.HasPrefix(text, ":") {
		return "127.0.0.1" + text
	}
	return text
}

// source is what is served.
type source interface {
	Registry() *prometheus.Registry
	Health() Health
}

// Server serves /metrics and /healthz.
type Server struct {
	listener net.Listener
	http     *http.Server
	done     chan error
}

// What one request may take: nobody sends much here, and nobody waits long.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	closeTimeout   = 3 * time.Second
	headerBytes    = 16 << 10
)

// Listen occupies the address, so that one that is taken is known before anything begins. *AddressError where it cannot be had.
func Listen(ctx context.Context, address string) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", Address(address))
	if err != nil {
		return nil, &AddressError{Address: Address(address), Err: err}
	}
	return &Server{listener: listener}, nil
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Serve begins to answer.
func (s *Server) Serve(from source) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(from.Registry(), promhttp.HandlerOpts{Timeout: requestTimeout}))
	mux.HandleFunc("GET /healthz", serveHealth(from.Health))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "rewind\n\n/metrics\n/healthz\n") // who asked may have gone
	})
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes,
	}
	s.done = make(chan error, 1)
	go func() { s.done <- s.http.Serve(s.listener) }()
}

// Close ends it: who is being answered is answered, for a short while.
func (s *Server) Close() error {
	if s.http == nil {
		return s.listener.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
