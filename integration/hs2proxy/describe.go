package main

import (
	"context"
	"fmt"
	"strings"

	hs "github.com/beltran/gohive/hiveserver"
)

// describe gives the columns, those of partitions last and without the headings that Hive puts between them.
func (p *proxy) describe(ctx context.Context, session *hs.TSessionHandle, table string) ([][]string, error) {
	lines, err := p.rows(ctx, session, "DESCRIBE "+table)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, line := range lines {
		if line[0] == "" || strings.HasPrefix(line[0], "#") {
			break
		}
		rows = append(rows, line)
	}
	return rows, nil
}

// tableStats is SHOW TABLE STATS as far as Hive knows: where the table's files are, by partition. Counts are not known: -1.
func (p *proxy) tableStats(ctx context.Context, session *hs.TSessionHandle, table string) (*answer, error) {
	columns := []string{"#Rows", "#Files", "Size", "Bytes Cached", "Cache Replication", "Format", "Incremental stats", "Location"}
	location, partitionedBy, err := p.storage(ctx, session, table)
	if err != nil {
		return nil, err
	}
	unknown := []string{"-1", "-1", "-1B", "NOT CACHED", "NOT CACHED", "PARQUET", "false"}
	if len(partitionedBy) == 0 {
		return newAnswer(columns, append(unknown, location)), nil
	}
	partitions, err := p.rows(ctx, session, "SHOW PARTITIONS "+table)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, partition := range partitions {
		var row []string
		for _, level := range strings.Split(partition[0], "/") {
			_, value, _ := strings.Cut(level, "=")
			row = append(row, value)
		}
		rows = append(rows, append(append(row, unknown...), location+"/"+partition[0]))
	}
	total := make([]string, len(partitionedBy)+len(columns))
	total[0] = "Total"
	return newAnswer(append(partitionedBy, columns...), append(rows, total)...), nil
}

// storage reads a table's location and the columns that it is partitioned by.
func (p *proxy) storage(ctx context.Context, session *hs.TSessionHandle, table string) (location string, partitionedBy []string, err error) {
	lines, err := p.rows(ctx, session, "DESCRIBE FORMATTED "+table)
	inPartitions := false
	for _, line := range lines {
		switch name := strings.TrimSpace(line[0]); {
		case name == "# Partition Information":
			inPartitions = true
		case strings.HasPrefix(name, "# Detailed"):
			inPartitions = false
		case name == "Location:":
			location = strings.TrimSpace(line[1])
		case inPartitions && name != "" && !strings.HasPrefix(name, "#"):
			partitionedBy = append(partitionedBy, name)
		}
	}
	return location, partitionedBy, err
}

// rows runs a statement whose results are columns of strings.
func (p *proxy) rows(ctx context.Context, session *hs.TSessionHandle, sql string) ([][]string, error) {
	started, err := p.TCLIService.ExecuteStatement(ctx, &hs.TExecuteStatementReq{SessionHandle: session, Statement: sql})
	if err != nil {
		return nil, err
	}
	if started.Status.StatusCode == hs.TStatusCode_ERROR_STATUS {
		return nil, impalaError(started.Status.GetErrorMessage())
	}
	defer func() {
		_, _ = p.TCLIService.CloseOperation(ctx, &hs.TCloseOperationReq{OperationHandle: started.OperationHandle})
	}()
	var rows [][]string
	for {
		resp, err := p.TCLIService.FetchResults(ctx, &hs.TFetchResultsReq{OperationHandle: started.OperationHandle, MaxRows: 10000})
		if err != nil {
			return nil, err
		}
		if resp.Status.StatusCode == hs.TStatusCode_ERROR_STATUS {
			return nil, fmt.Errorf("%s", resp.Status.GetErrorMessage())
		}
		if len(resp.Results.Columns) == 0 || len(resp.Results.Columns[0].StringVal.Values) == 0 {
			return rows, nil
		}
		for i := range resp.Results.Columns[0].StringVal.Values {
			var row []string
			for _, c := range resp.Results.Columns {
				row = append(row, c.StringVal.Values[i])
			}
			rows = append(rows, row)
		}
	}
}
