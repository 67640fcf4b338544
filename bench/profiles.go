package main

import (
	"context"
	"errors"
	"os"

	"github.com/google/pprof/profile"
)

// mergeProfiles makes one CPU profile of several, by which the compiler builds the program (https://go.dev/doc/pgo). Of where they were
// taken nothing is left in it: no path of the machine, no time, and no addresses.
func mergeProfiles(_ context.Context, args []string) error {
	if len(args) < 2 {
		return expect(nil, "OUT", "PROFILE…")
	}
	var all []*profile.Profile
	for _, path := range args[1:] {
		p, err := readProfile(path)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	merged, err := profile.Merge(all)
	if err != nil {
		return err
	}
	merged.TimeNanos, merged.DurationNanos = 0, 0
	for _, m := range merged.Mapping {
		m.File, m.BuildID = "", ""
	}
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	return errors.Join(merged.Write(f), f.Close())
}

// readProfile reads a profile in which a place is a function and its line, wherever the program was loaded.
func readProfile(path string) (*profile.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	p, err := profile.Parse(f)
	if err == nil {
		err = p.Aggregate(true, true, true, true, false, false)
	}
	return p, err
}
