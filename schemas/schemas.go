// Package schemas embeds the wire contract: the Avro schemas of the messages of a stream and of the records of a journal. README.md
// beside it has the rules by which they may evolve.
package schemas

import _ "embed" // for the files

// The contract, one file a record, as it stands in the folder.
var (
	//go:embed open.avsc
	Open string
	//go:embed begin.avsc
	Begin string
	//go:embed change.avsc
	Change string
	//go:embed commit.avsc
	Commit string
	//go:embed gap.avsc
	Gap string
	//go:embed gap.2.avsc
	Gap2 string
	//go:embed entry.avsc
	Entry string
	//go:embed entry.2.avsc
	Entry2 string
)
