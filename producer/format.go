package producer

import (
	"encoding/hex"
	"time"
)

func hexOf(b [16]byte) string { return hex.EncodeToString(b[:]) }

// formatMicros writes an instant for people.
func formatMicros(t int64) string { return time.UnixMicro(t).UTC().Format(time.RFC3339Nano) }
