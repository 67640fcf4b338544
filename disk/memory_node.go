package disk

import (
	"io/fs"
	"maps"
	"slices"
	"time"
)

// node is a file or (names not nil) a folder of a Memory: what is seen now, what is durable, and the steps between.
type node struct {
	mode     fs.FileMode
	modified time.Time

	content []byte // seen now
	durable []byte // as of the last Sync
	edits   []edit // since then, in order

	names        map[string]*node // seen now
	durableNames map[string]*node // as of the last SyncDir
	links        []link           // since then, in order
}

// edit is one change of a file's content.
type edit struct {
	truncate bool
	at       int64  // where bytes were written, or the new length
	bytes    []byte // written
	doomed   bool   // a Sync failed after it: no later one makes it durable
}

// link is one change of a folder's names: remove is taken away, then add is set. A rename is both at once.
type link struct {
	remove, add string
	node        *node
}

func newFolder(perm fs.FileMode) *node {
	return &node{mode: perm | fs.ModeDir, names: map[string]*node{}, durableNames: map[string]*node{}}
}

func (n *node) link(name string, to *node)       { n.relink(link{add: name, node: to}) }
func (n *node) unlink(name string)               { n.relink(link{remove: name}) }
func (n *node) move(from, to string, what *node) { n.relink(link{remove: from, add: to, node: what}) }

func (n *node) relink(l link) {
	l.apply(n.names)
	n.links = append(n.links, l)
}

func (l link) apply(names map[string]*node) {
	delete(names, l.remove)
	if l.node != nil {
		names[l.add] = l.node
	}
}

func (n *node) syncNames() { n.durableNames, n.links = maps.Clone(n.names), nil }

// change edits the content.
func (n *node) change(e edit) {
	n.content = e.apply(n.content)
	n.edits = append(n.edits, e)
}

// apply returns content after the edit, in place where it fits. A hole that it leaves is zeros.
func (e edit) apply(content []byte) []byte {
	end := e.at + int64(len(e.bytes))
	if e.truncate && int64(len(content)) > end {
		return content[:end]
	}
	if grow := end - int64(len(content)); grow > 0 {
		content = append(content, make([]byte, grow)...)
	}
	copy(content[e.at:], e.bytes)
	return content
}

// sync makes durable what no earlier Sync failed on.
func (n *node) sync() {
	kept := n.edits[:0]
	for _, e := range n.edits {
		if e.doomed {
			kept = append(kept, e)
			continue
		}
		n.durable = e.apply(n.durable)
	}
	n.edits = kept
}

// syncFailed forgets, as far as durability goes, what was written so far.
func (n *node) syncFailed() {
	for i := range n.edits {
		n.edits[i].doomed = true
	}
}

// restart returns the node as found after a loss of power. seen keeps a node that has two names one node.
func (n *node) restart(c chooser, seen map[*node]*node) *node {
	if r := seen[n]; r != nil {
		return r
	}
	r := &node{mode: n.mode, modified: n.modified}
	seen[n] = r
	if n.names == nil {
		r.durable = c.content(n)
		r.content = slices.Clone(r.durable)
		return r
	}
	r.durableNames = map[string]*node{}
	survived := c.names(n)
	for _, name := range slices.Sorted(maps.Keys(survived)) { // sorted: a seed gives one outcome
		r.durableNames[name] = survived[name].restart(c, seen)
	}
	r.names = maps.Clone(r.durableNames)
	return r
}

func (n *node) list() []fs.DirEntry {
	var entries []fs.DirEntry
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		entries = append(entries, fs.FileInfoToDirEntry(n.names[name].info(name)))
	}
	return entries
}

func (n *node) info(name string) fs.FileInfo {
	return memoryInfo{name: name, size: int64(len(n.content)), mode: n.mode, modified: n.modified}
}

// memoryInfo describes a node at an instant.
type memoryInfo struct {
	name     string
	size     int64
	mode     fs.FileMode
	modified time.Time
}

func (i memoryInfo) Name() string       { return i.name }
func (i memoryInfo) Size() int64        { return i.size }
func (i memoryInfo) Mode() fs.FileMode  { return i.mode }
func (i memoryInfo) ModTime() time.Time { return i.modified }
func (i memoryInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memoryInfo) Sys() any           { return nil }
