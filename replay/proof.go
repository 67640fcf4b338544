package replay

import "time"

// Proof says when and how a restore point's digest was recomputed and found equal to its Commit's.
type Proof struct {
	At  time.Time `json:"at"`
	How string    `json:"how"`
}

// How a point was proved.
const (
	ProofRecomputed = "recomputed from the changes"
	ProofFolded     = "folded"
	ProofRestored   = "restored"
)
