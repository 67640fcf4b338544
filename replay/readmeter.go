package replay

import (
	"io/fs"

	"rewind/disk"
)

// readMeter is a file system that tells how many bytes were read of how many that will be.
type readMeter struct {
	disk.FS
	report func(Progress)
	total  int64
	read   int64
	told   int64
	over   bool
}

const bytesBetweenReports = 1 << 20

// OpenFile counts what is read of the file.
func (m *readMeter) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	f, err := m.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &meteredFile{f, m}, nil
}

func (m *readMeter) add(n int) {
	m.read += int64(n)
	if !m.over && m.read-m.told >= bytesBetweenReports {
		m.told = m.read
		m.report(Progress{Stage: "verify", Rows: min(m.read, m.total), Total: m.total, Bytes: true})
	}
}

// done ends the stage: what is read from now on belongs to another one.
func (m *readMeter) done() {
	m.over = true
	m.report(Progress{Stage: "verify", Rows: m.total, Total: m.total, Bytes: true})
}

// meteredFile counts what is read of it.
type meteredFile struct {
	disk.File
	meter *readMeter
}

// Read counts.
func (f *meteredFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.meter.add(n)
	return n, err
}

// ReadAt counts.
func (f *meteredFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	f.meter.add(n)
	return n, err
}

// expect says how many bytes will be read: what was not proved before twice, once for the chain and once for its entries.
func (v *verifier) expect() {
	for _, walks := range v.walks {
		for _, w := range walks {
			for i, info := range w.infos {
				switch {
				case i < w.skipped():
				case info.Sealed:
					v.read.total += 2 * info.Bytes
				default:
					v.read.total += info.Bytes
				}
			}
			for _, i := range w.sample {
				v.read.total += w.infos[i].Bytes
			}
		}
	}
	v.read.total += v.read.read
}
