package impala

import (
	"net/url"
	"path"
	"strings"

	"rewind/table"
)

// place is where a table's files lie, in a form that can be compared.
type place struct {
	store string // the bucket or container of an object store; "" for file systems, whose names have too many spellings
	path  string
}

// placeOf reads a location. A file system is known by many authorities (a name service, a host, none at all), so that only the path
// counts: two clusters' equal paths count as one, which refuses too much rather than too little.
func placeOf(location string) place {
	u, err := url.Parse(location)
	if err != nil {
		return place{path: path.Clean("/" + location)}
	}
	p := place{path: path.Clean("/" + u.Path)}
	switch strings.ToLower(u.Scheme) {
	case "s3", "s3a", "s3n":
		p.store = "s3/" + u.Host
	case "abfs", "abfss", "wasb", "wasbs", "gs", "adl", "oss", "cosn", "obs":
		p.store = u.Scheme + "/" + u.User.String() + u.Host
	}
	return p
}

// holds tells whether other is the same place or lies under it.
func (p place) holds(other place) bool {
	return p.store == other.store && (p.path == other.path || strings.HasPrefix(other.path, strings.TrimSuffix(p.path, "/")+"/"))
}

// apart refuses a place of something new that is, lies in, or contains a table's.
func apart(what, location string, owner table.Name, theirs string) error {
	if location == "" || theirs == "" {
		return nil
	}
	a, b := placeOf(location), placeOf(theirs)
	switch {
	case b.holds(a):
		return &LocationError{what, location, "belongs to " + owner.String() + " (" + theirs + ")"}
	case a.holds(b):
		return &LocationError{what, location, "contains " + owner.String() + " (" + theirs + ")"}
	}
	return nil
}
