package impala

import "testing"

func TestParseFormatted(t *testing.T) {
	f := parseFormatted([][]string{
		{"# col_name            ", "data_type           ", "comment             "},
		{"", "", ""},
		{"id", "int", ""},
		{"", "", ""},
		{"# Detailed Table Information", "", ""},
		{"Database:           ", "shop                ", ""},
		{"Location:           ", "hdfs://ns/warehouse/shop.db/orders", ""},
		{"Table Type:         ", "EXTERNAL_TABLE      ", ""},
		{"Table Parameters:", "", ""},
		{"", "external.table.purge", "TRUE                "},
		{"", "rewind.restore      ", "abc                 "},
		{"", "", ""},
		{"# Storage Information", "", ""},
		{"Storage Desc Params:", "", ""},
		{"", "field.delim         ", ",                   "},
	})
	if !f.exists || f.location != "hdfs://ns/warehouse/shop.db/orders" || !f.isExternal() || !f.purges() {
		t.Errorf("%+v", f)
	}
	if f.parameters["rewind.restore"] != "abc" || len(f.parameters) != 2 {
		t.Errorf("parameters: %v", f.parameters)
	}
}

func TestParseStats(t *testing.T) {
	columns := []string{"year", "#Rows", "#Files", "Size", "Bytes Cached"}
	for _, c := range []struct {
		lines       [][]string
		rows, bytes int64
	}{
		{nil, 0, 0},
		{[][]string{{"2024", "-1", "3", "1.50KB", "NOT CACHED"}}, 0, 1536},
		{[][]string{{"2024", "10", "3", "1.50KB", ""}, {"2025", "5", "1", "2.00MB", ""}, {"Total", "15", "4", "2.00MB", "0B"}}, 15, 2 << 20},
		{[][]string{{"2024", "10", "3", "7B", ""}, {"2025", "5", "1", "nonsense", ""}}, 15, 7},
	} {
		if rows, bytes := parseStats(columns, c.lines); rows != c.rows || bytes != c.bytes {
			t.Errorf("%v: %d rows, %d bytes", c.lines, rows, bytes)
		}
	}
}
