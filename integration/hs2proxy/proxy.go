package main

import (
	"context"
	"log"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	hs "github.com/beltran/gohive/hiveserver"
)

// proxy answers one connection. What it does not override goes to the engine as it is.
//
// On the wire Impala differs from Hive in this, and impala-go relies on it: slow statements run on and their fetch says
// STILL_EXECUTING; hasMoreRows is true until the end; a null bitmap is as wide as its column.
type proxy struct {
	hs.TCLIService
	trace    bool
	options  map[string]string  // what the session SET
	answers  map[string]*answer // by operation: results that the proxy itself gives
	finished map[string]bool    // by operation: no longer running
}

func newProxy(engine hs.TCLIService, trace bool) *proxy {
	return &proxy{TCLIService: engine, trace: trace, options: map[string]string{}, answers: map[string]*answer{}, finished: map[string]bool{}}
}

// OpenSession drops the configuration: Impala's query options mean nothing to Hive.
func (p *proxy) OpenSession(ctx context.Context, r *hs.TOpenSessionReq) (*hs.TOpenSessionResp, error) {
	r.Configuration = nil
	return p.TCLIService.OpenSession(ctx, r)
}

// ExecuteStatement answers what is Impala's alone, and starts everything else in Hive's dialect without waiting for its end.
func (p *proxy) ExecuteStatement(ctx context.Context, r *hs.TExecuteStatementReq) (*hs.TExecuteStatementResp, error) {
	if a, err := p.answer(ctx, r); a != nil || err != nil {
		if err != nil {
			return &hs.TExecuteStatementResp{Status: failure(err)}, nil
		}
		p.answers[string(a.handle.OperationId.GUID)] = a
		return &hs.TExecuteStatementResp{Status: success(), OperationHandle: a.handle}, nil
	}
	statement := toHive(r.Statement)
	if p.trace {
		log.Printf("statement: %s\n     hive: %s", r.Statement, statement)
	}
	resp, err := p.TCLIService.ExecuteStatement(ctx, &hs.TExecuteStatementReq{SessionHandle: r.SessionHandle, Statement: statement, RunAsync: true})
	if err == nil && resp.Status.StatusCode == hs.TStatusCode_ERROR_STATUS {
		resp.Status = failure(impalaError(resp.Status.GetErrorMessage()))
	}
	return resp, err
}

// GetOperationStatus knows the proxy's own answers as finished.
func (p *proxy) GetOperationStatus(ctx context.Context, r *hs.TGetOperationStatusReq) (*hs.TGetOperationStatusResp, error) {
	if p.answers[string(r.OperationHandle.OperationId.GUID)] != nil {
		state := hs.TOperationState_FINISHED_STATE
		return &hs.TGetOperationStatusResp{Status: success(), OperationState: &state}, nil
	}
	resp, err := p.TCLIService.GetOperationStatus(ctx, r)
	if err == nil && p.trace && resp.GetErrorMessage() != "" {
		log.Printf("   failed: %s", resp.GetErrorMessage())
	}
	return resp, err
}

// GetResultSetMetadata waits for the statement to be planned and run, as far as Hive needs; a statement without rows has no columns.
func (p *proxy) GetResultSetMetadata(ctx context.Context, r *hs.TGetResultSetMetadataReq) (*hs.TGetResultSetMetadataResp, error) {
	if a := p.answers[string(r.OperationHandle.OperationId.GUID)]; a != nil {
		return &hs.TGetResultSetMetadataResp{Status: success(), Schema: a.schema()}, nil
	}
	_, failed, err := p.wait(ctx, r.OperationHandle, time.Hour)
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return &hs.TGetResultSetMetadataResp{Status: failed}, nil
	case !r.OperationHandle.HasResultSet:
		return &hs.TGetResultSetMetadataResp{Status: success(), Schema: &hs.TTableSchema{Columns: []*hs.TColumnDesc{}}}, nil
	}
	return p.TCLIService.GetResultSetMetadata(ctx, r)
}

// FetchResults gives the next rows, or says that the statement is still running.
func (p *proxy) FetchResults(ctx context.Context, r *hs.TFetchResultsReq) (*hs.TFetchResultsResp, error) {
	if a := p.answers[string(r.OperationHandle.OperationId.GUID)]; a != nil {
		return a.fetch(), nil
	}
	finished, failed, err := p.wait(ctx, r.OperationHandle, 2*time.Second)
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return &hs.TFetchResultsResp{Status: failed}, nil
	case !finished:
		return &hs.TFetchResultsResp{Status: &hs.TStatus{StatusCode: hs.TStatusCode_STILL_EXECUTING_STATUS}, HasMoreRows: thrift.BoolPtr(true)}, nil
	case !r.OperationHandle.HasResultSet:
		return &hs.TFetchResultsResp{Status: success(), HasMoreRows: thrift.BoolPtr(false)}, nil
	}
	resp, err := p.TCLIService.FetchResults(ctx, r)
	if err != nil || resp.Results == nil {
		return resp, err
	}
	rows := 0
	for _, c := range resp.Results.Columns {
		nullPartitions(c)
		rows = max(rows, widenNulls(c))
	}
	resp.HasMoreRows = thrift.BoolPtr(rows > 0)
	return resp, nil
}

// CloseOperation forgets the proxy's own answers and closes the others.
func (p *proxy) CloseOperation(ctx context.Context, r *hs.TCloseOperationReq) (*hs.TCloseOperationResp, error) {
	id := string(r.OperationHandle.OperationId.GUID)
	delete(p.finished, id)
	if p.answers[id] != nil {
		delete(p.answers, id)
		return &hs.TCloseOperationResp{Status: success()}, nil
	}
	return p.TCLIService.CloseOperation(ctx, r)
}

// wait asks until the operation has left the running states, or the limit is over.
func (p *proxy) wait(ctx context.Context, h *hs.TOperationHandle, limit time.Duration) (finished bool, failed *hs.TStatus, err error) {
	id := string(h.OperationId.GUID)
	if p.finished[id] {
		return true, nil, nil
	}
	end := time.Now().Add(limit)
	for pause := 2 * time.Millisecond; ; pause = min(pause*2, 100*time.Millisecond) {
		status, err := p.TCLIService.GetOperationStatus(ctx, &hs.TGetOperationStatusReq{OperationHandle: h})
		if err != nil {
			return false, nil, err
		}
		switch status.GetOperationState() {
		case hs.TOperationState_ERROR_STATE, hs.TOperationState_CANCELED_STATE:
			return true, &hs.TStatus{
				StatusCode: hs.TStatusCode_ERROR_STATUS, ErrorMessage: status.ErrorMessage, SqlState: status.SqlState, ErrorCode: status.ErrorCode,
			}, nil
		case hs.TOperationState_INITIALIZED_STATE, hs.TOperationState_PENDING_STATE, hs.TOperationState_RUNNING_STATE:
		default:
			p.finished[id] = true
			return true, nil, nil
		}
		if time.Now().After(end) {
			return false, nil, nil
		}
		time.Sleep(pause)
	}
}

func success() *hs.TStatus { return &hs.TStatus{StatusCode: hs.TStatusCode_SUCCESS_STATUS} }

func failure(err error) *hs.TStatus {
	return &hs.TStatus{
		StatusCode: hs.TStatusCode_ERROR_STATUS, ErrorMessage: thrift.StringPtr(err.Error()), SqlState: thrift.StringPtr("HY000"), ErrorCode: thrift.Int32Ptr(0),
	}
}
