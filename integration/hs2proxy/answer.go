package main

import (
	"context"
	"crypto/rand"
	"regexp"
	"strings"

	"github.com/apache/thrift/lib/go/thrift"
	hs "github.com/beltran/gohive/hiveserver"
)

// answer is a result that the proxy gives itself: rows of strings.
type answer struct {
	handle  *hs.TOperationHandle
	columns []string
	rows    [][]string
	fetched bool
}

func newAnswer(columns []string, rows ...[]string) *answer {
	guid, secret := make([]byte, 16), make([]byte, 16)
	_, _ = rand.Read(guid) // never fails
	_, _ = rand.Read(secret)
	return &answer{
		handle: &hs.TOperationHandle{
			OperationId:   &hs.THandleIdentifier{GUID: guid, Secret: secret},
			OperationType: hs.TOperationType_EXECUTE_STATEMENT, HasResultSet: len(columns) > 0,
		},
		columns: columns, rows: rows,
	}
}

func (a *answer) schema() *hs.TTableSchema {
	s := &hs.TTableSchema{Columns: []*hs.TColumnDesc{}}
	for i, name := range a.columns {
		text := &hs.TTypeEntry{PrimitiveEntry: &hs.TPrimitiveTypeEntry{Type: hs.TTypeId_STRING_TYPE}}
		s.Columns = append(s.Columns, &hs.TColumnDesc{
			ColumnName: name, TypeDesc: &hs.TTypeDesc{Types: []*hs.TTypeEntry{text}}, Position: int32(i + 1),
		})
	}
	return s
}

// fetch gives all rows at once, then none.
func (a *answer) fetch() *hs.TFetchResultsResp {
	rows := a.rows
	if a.fetched {
		rows = nil
	}
	a.fetched = true
	set := &hs.TRowSet{Rows: []*hs.TRow{}}
	for i := range a.columns {
		column := &hs.TStringColumn{Values: []string{}, Nulls: make([]byte, (len(rows)+7)/8)}
		for _, r := range rows {
			column.Values = append(column.Values, r[i])
		}
		set.Columns = append(set.Columns, &hs.TColumn{StringVal: column})
	}
	return &hs.TFetchResultsResp{Status: success(), HasMoreRows: thrift.BoolPtr(len(rows) > 0), Results: set}
}

var (
	setOption       = regexp.MustCompile(`(?is)^\s*SET\s+([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*;?\s*$`)
	setAll          = regexp.MustCompile(`(?is)^\s*SET(?:\s+ALL)?\s*;?\s*$`)
	refresh         = regexp.MustCompile(`(?is)^\s*(?:REFRESH|INVALIDATE\s+METADATA)\b`)
	showCreateTable = regexp.MustCompile(`(?is)^\s*SHOW\s+CREATE\s+(?:TABLE|VIEW)\s+(\S+?)\s*;?\s*$`)
	showTableStats  = regexp.MustCompile(`(?is)^\s*SHOW\s+TABLE\s+STATS\s+([^\s;]+)\s*;?\s*$`)
	describe        = regexp.MustCompile(`(?is)^\s*DESCRIBE\s+([^\s;]+)\s*;?\s*$`)
)

// answer is nil for a statement that is Hive's to answer.
func (p *proxy) answer(ctx context.Context, r *hs.TExecuteStatementReq) (*answer, error) {
	switch sql := r.Statement; {
	case setAll.MatchString(sql):
		return newAnswer([]string{"option", "value", "level"}, p.optionRows()...), nil
	case setOption.MatchString(sql):
		m := setOption.FindStringSubmatch(sql)
		p.options[strings.ToUpper(m[1])] = strings.Trim(m[2], `'"`)
		return newAnswer(nil), nil
	case refresh.MatchString(sql): // Hive looks at the files at every query
		return newAnswer(nil), nil
	case showCreateTable.MatchString(sql):
		text, err := p.createTable(ctx, r.SessionHandle, showCreateTable.FindStringSubmatch(sql)[1])
		return newAnswer([]string{"result"}, []string{text}), err
	case showTableStats.MatchString(sql):
		return p.tableStats(ctx, r.SessionHandle, showTableStats.FindStringSubmatch(sql)[1])
	case describe.MatchString(sql):
		rows, err := p.describe(ctx, r.SessionHandle, describe.FindStringSubmatch(sql)[1])
		return newAnswer([]string{"name", "type", "comment"}, rows...), err
	}
	return nil, nil
}

// valueOptions are the query options of Impala that change what a scan reads, with their defaults.
var valueOptions = [][2]string{
	{"TIMEZONE", "UTC"},
	{"CONVERT_LEGACY_HIVE_PARQUET_UTC_TIMESTAMPS", "0"},
	{"USE_LOCAL_TZ_FOR_UNIX_TIMESTAMP_CONVERSIONS", "0"},
	{"CONVERT_KUDU_UTC_TIMESTAMPS", "0"},
}

// optionRows are what SET prints: the options that change values, and those that the session set.
func (p *proxy) optionRows() (rows [][]string) {
	seen := map[string]bool{}
	for _, o := range valueOptions {
		value, set := p.options[o[0]]
		if !set {
			value = o[1]
		}
		seen[o[0]] = true
		rows = append(rows, []string{o[0], value, "REGULAR"})
	}
	for name, value := range p.options {
		if !seen[name] {
			rows = append(rows, []string{name, value, "REGULAR"})
		}
	}
	return rows
}
