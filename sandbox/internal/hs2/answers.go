package hs2

import "sync"

// answers are the rows that statements were answered with, for a server that repeats them: whoever reads them does not wait for the engine.
type answers struct {
	mutex sync.Mutex
	of    map[answer][]*batch
}

type answer struct {
	statement string
	size      int // of its batches
}

// known gives a statement's batches, nil if it was not answered before. They are not to be changed.
func (a *answers) known(statement string, size int) []*batch {
	if a == nil {
		return nil
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.of[answer{statement, size}]
}

func (a *answers) keep(statement string, size int, batches []*batch) {
	if a == nil {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.of[answer{statement, size}] = batches
}
