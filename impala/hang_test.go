package impala

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"rewind/sandbox"
)

// hang leaves the k-th call of the server without an answer, and ends whoever made it.
type hang struct {
	mutex  sync.Mutex
	k      int
	cancel context.CancelFunc
}

func (h *hang) set(k int, cancel context.CancelFunc) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.k, h.cancel = k, cancel
}

// came says whether there was such a call.
func (h *hang) came() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.k <= 0
}

func (h *hang) call(sandbox.Call) sandbox.CallFault {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.k--; h.k != 0 {
		return 0
	}
	h.cancel()
	return sandbox.CallStalled
}

// TestInterruptedWhileTheServerHangs interrupts each unit of work that only reads while any one of its calls is not answered, and would
// not be for an hour: it ends, with the interruption for an error.
func TestInterruptedWhileTheServerHangs(t *testing.T) {
	h := &hang{k: -1}
	b := newBench(t, sandbox.ImpalaOptions{Call: h.call, BatchRows: 7}, Options{})
	s := b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	dsn, _, err := parseDSN(b.server.DSN() + "&socket-timeout=1h")
	if err != nil {
		t.Fatal(err)
	}
	b.o.DSN, b.o.Grace = dsn, time.Millisecond
	hanging, err := Open(context.Background(), b.o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hanging.Close() }()
	interrupted := 0
	for name, work := range map[string]func(context.Context) error{
		"open": func(ctx context.Context) error {
			db, err := Open(ctx, b.o)
			if err == nil {
				err = db.Close()
			}
			return err
		},
		"describe": func(ctx context.Context) error {
			_, err := hanging.Describe(ctx, shop("full"))
			return err
		},
		"read": func(ctx context.Context) error {
			for _, err := range hanging.Rows(ctx, s, true) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"names": func(ctx context.Context) error {
			_, err := hanging.Tables(ctx, "shop")
			return err
		},
	} {
		for k := 1; ; k++ {
			ctx, cancel := context.WithCancel(context.Background())
			h.set(k, cancel)
			err := work(ctx)
			cancel()
			came := h.came()
			h.set(-1, nil)
			if !came {
				break
			}
			interrupted++
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s, call %d: %v", name, k, err)
			}
		}
	}
	t.Logf("counted: %d calls of the engine that are not answered, each interrupted", interrupted)
}

// TestInterruptedWhileTheServerIsSilent: whoever takes connections and says nothing, before anybody has logged in.
func TestInterruptedWhileTheServerIsSilent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for _, settings := range []string{"auth=noauth", "auth=ldap", "auth=ldap&tls=true", "tls=true"} {
		ctx, cancel := context.WithCancel(context.Background())
		accepted := make(chan net.Conn, 10)
		go func() {
			if conn, err := silent.Accept(); err == nil {
				accepted <- conn
				cancel()
			}
		}()
		_, err := Open(ctx, Options{DSN: "impala://me:secret@" + silent.Addr().String() + "/?socket-timeout=1h&connect-timeout=1h&" + settings, Grace: time.Millisecond})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", settings, err)
		}
		cancel()
		_ = (<-accepted).Close()
	}
}
