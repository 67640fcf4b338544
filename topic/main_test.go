package topic

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"rewind/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var orders = table.Name{Database: "shop", Table: "orders"}

// capture is a log that a test reads.
type capture struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (c *capture) Write(p []byte) (int, error) {
	c.mutex.Lock()
	c.text.Write(p)
	c.mutex.Unlock()
	return len(p), nil
}

func (c *capture) count(what string) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return strings.Count(c.text.String(), what)
}

func newCapture() (*capture, *slog.Logger) {
	c := &capture{}
	return c, slog.New(slog.NewTextHandler(c, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func openTopic(t *testing.T, c *Client) *Topic {
	t.Helper()
	opened, err := c.Open(context.Background(), orders, true)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}
