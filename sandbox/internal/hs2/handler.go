package hs2

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	hs "github.com/beltran/gohive/hiveserver"

	"rewind/sandbox/internal/engine"
)

// session is one client session of the server.
type session struct {
	id      *hs.THandleIdentifier
	engine  *engine.Session
	expired bool
	count   int // statements so far
}

// handler answers the calls of one connection.
type handler struct {
	unsupported
	server   *Server
	user     string
	sessions map[string]bool // opened here
	fault    CallFault       // of the call that is being served
}

// patience is how long a call usually waits for a statement; see handler.patience.
const patience = 200 * time.Millisecond

func newIdentifier() *hs.THandleIdentifier {
	id := &hs.THandleIdentifier{GUID: make([]byte, 16), Secret: make([]byte, 16)}
	_, _ = rand.Read(id.GUID) // never fails
	_, _ = rand.Read(id.Secret)
	return id
}

func guid(id *hs.THandleIdentifier) string {
	b := append(make([]byte, 0, 16), id.GetGUID()...)
	b = append(b, make([]byte, 16)...)[:16]
	return fmt.Sprintf("%x:%x", b[:8], b[8:])
}

func success() *hs.TStatus { return &hs.TStatus{StatusCode: hs.TStatusCode_SUCCESS_STATUS} }

// failure reports an error with its SQLSTATE.
func failure(err error) *hs.TStatus {
	state, message := "HY000", err.Error()
	var e *engine.Error
	if errors.As(err, &e) {
		state = e.SQLState
	}
	return &hs.TStatus{StatusCode: hs.TStatusCode_ERROR_STATUS, SqlState: &state, ErrorMessage: &message}
}

// OpenSession starts a session.
func (h *handler) OpenSession(_ context.Context, r *hs.TOpenSessionReq) (*hs.TOpenSessionResp, error) {
	if err := h.refusal(); err != nil {
		return &hs.TOpenSessionResp{Status: failure(err)}, nil
	}
	user := h.user
	if user == "" && r.Username != nil {
		user = *r.Username
	}
	x := &session{id: newIdentifier(), engine: h.server.engine.NewSession(user, r.Configuration)}
	key := string(x.id.GUID)
	h.sessions[key] = true
	h.server.mu.Lock()
	h.server.sessions[key] = x
	h.server.mu.Unlock()
	return &hs.TOpenSessionResp{Status: success(), ServerProtocolVersion: hs.TProtocolVersion_HIVE_CLI_SERVICE_PROTOCOL_V7,
		SessionHandle: &hs.TSessionHandle{SessionId: x.id}, Configuration: map[string]string{}}, nil
}

// session finds the session of a call, and counts a statement against its life.
func (h *handler) session(handle *hs.TSessionHandle, statement bool) (*session, error) {
	if err := h.refusal(); err != nil {
		return nil, err
	}
	s := h.server
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.sessions[string(handle.GetSessionId().GetGUID())]
	if !ok {
		return nil, &engine.Error{SQLState: "HY000", Message: "Invalid session id: " + guid(handle.GetSessionId())}
	}
	if statement {
		x.count++
		x.expired = x.expired || s.options.ExpireAfter > 0 && x.count > s.options.ExpireAfter
	}
	if x.expired {
		return nil, &engine.Error{SQLState: "HY000", Message: "Client session expired due to more than 1800s of inactivity (last activity was at: " +
			time.Now().Add(-31*time.Minute).UTC().Format("2006-01-02 15:04:05.000000") + ")."}
	}
	return x, nil
}

// CloseSession ends a session and cancels its queries.
func (h *handler) CloseSession(_ context.Context, r *hs.TCloseSessionReq) (*hs.TCloseSessionResp, error) {
	if _, err := h.session(r.SessionHandle, false); err != nil {
		return &hs.TCloseSessionResp{Status: failure(err)}, nil
	}
	h.endSession(string(r.SessionHandle.SessionId.GUID))
	return &hs.TCloseSessionResp{Status: success()}, nil
}

func (h *handler) endSession(key string) {
	s := h.server
	s.mu.Lock()
	delete(s.sessions, key)
	var open []*operation
	for id, op := range s.operations {
		if op.session == key {
			open = append(open, op)
			delete(s.operations, id)
		}
	}
	s.mu.Unlock()
	delete(h.sessions, key)
	for _, op := range open {
		op.close()
	}
}

// disconnect ends the sessions of a connection that is gone.
func (h *handler) disconnect() {
	for key := range h.sessions {
		h.endSession(key)
	}
}

// ExecuteStatement starts a statement.
func (h *handler) ExecuteStatement(_ context.Context, r *hs.TExecuteStatementReq) (*hs.TExecuteStatementResp, error) {
	x, err := h.session(r.SessionHandle, true)
	if err != nil {
		return &hs.TExecuteStatementResp{Status: failure(err)}, nil
	}
	executed := r.Statement
	if rewrite := h.server.options.Rewrite; rewrite != nil {
		executed = rewrite(executed)
	}
	st, err := engine.Parse(executed)
	if err != nil {
		return &hs.TExecuteStatementResp{Status: failure(err)}, nil
	}
	op := h.start(x, r.Statement, st.HasRows(), h.faulty(r.Statement, func(ctx context.Context) (*engine.Result, error) {
		return x.engine.Execute(ctx, st)
	}))
	if _, err := op.wait(h.patience()); err != nil {
		h.forget(op)
		return &hs.TExecuteStatementResp{Status: failure(err)}, nil
	}
	return &hs.TExecuteStatementResp{Status: success(), OperationHandle: op.handle()}, nil
}

// faulty fails a statement where a test asks for it: before it did anything,
// or after all of it, as a lost answer does.
func (h *handler) faulty(statement string, execute func(context.Context) (*engine.Result, error)) func(context.Context) (*engine.Result, error) {
	if h.server.options.Fault == nil {
		return execute
	}
	return func(ctx context.Context) (*engine.Result, error) {
		before, after := h.server.options.Fault(statement)
		if before != nil {
			return nil, before
		}
		result, err := execute(ctx)
		if err == nil && after != nil {
			err = after
			if result.Rows != nil {
				err = errors.Join(err, result.Rows.Close())
			}
		}
		return result, err
	}
}

func (h *handler) start(x *session, statement string, hasRows bool, execute func(context.Context) (*engine.Result, error)) *operation {
	s := h.server
	op := newOperation(s.ctx, statement, string(x.id.GUID), &s.options)
	op.hasRows = hasRows
	s.log.Debug("impala: statement", "id", guid(op.id), "sql", statement)
	s.mu.Lock()
	s.operations[string(op.id.GUID)] = op
	s.mu.Unlock()
	s.wait.Go(func() { op.run(execute) })
	return op
}

func (h *handler) forget(op *operation) *changed {
	h.server.mu.Lock()
	delete(h.server.operations, string(op.id.GUID))
	h.server.mu.Unlock()
	return op.close()
}

func (o *operation) handle() *hs.TOperationHandle {
	return &hs.TOperationHandle{OperationId: o.id, OperationType: o.kind, HasResultSet: o.hasRows}
}

// operation finds an operation of a session that is alive.
func (h *handler) operation(handle *hs.TOperationHandle) (*operation, error) {
	if err := h.refusal(); err != nil {
		return nil, err
	}
	s := h.server
	s.mu.Lock()
	op, ok := s.operations[string(handle.GetOperationId().GetGUID())]
	s.mu.Unlock()
	if !ok {
		return nil, &engine.Error{SQLState: "HY000", Message: "Invalid or unknown query handle: " + guid(handle.GetOperationId())}
	}
	_, err := h.session(&hs.TSessionHandle{SessionId: &hs.THandleIdentifier{GUID: []byte(op.session)}}, false)
	return op, err
}

// GetOperationStatus says whether a statement is done.
func (h *handler) GetOperationStatus(_ context.Context, r *hs.TGetOperationStatusReq) (*hs.TGetOperationStatusResp, error) {
	op, err := h.operation(r.OperationHandle)
	if err != nil {
		return &hs.TGetOperationStatusResp{Status: failure(err)}, nil
	}
	ready, err := op.wait(h.patience())
	state := hs.TOperationState_RUNNING_STATE
	resp := &hs.TGetOperationStatusResp{Status: success(), OperationState: &state}
	switch {
	case err != nil:
		f := failure(err)
		state = hs.TOperationState_ERROR_STATE
		if op.ctx.Err() != nil {
			state = hs.TOperationState_CANCELED_STATE
		}
		resp.SqlState, resp.ErrorMessage = f.SqlState, f.ErrorMessage
	case ready:
		state = hs.TOperationState_FINISHED_STATE
	}
	return resp, nil
}

// GetResultSetMetadata waits for the columns.
func (h *handler) GetResultSetMetadata(_ context.Context, r *hs.TGetResultSetMetadataReq) (*hs.TGetResultSetMetadataResp, error) {
	op, err := h.operation(r.OperationHandle)
	if err != nil {
		return &hs.TGetResultSetMetadataResp{Status: failure(err)}, nil
	}
	<-op.ready
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.err != nil {
		return &hs.TGetResultSetMetadataResp{Status: failure(op.err)}, nil
	}
	schema := &hs.TTableSchema{Columns: []*hs.TColumnDesc{}}
	for i, c := range op.columns {
		schema.Columns = append(schema.Columns, description(i, c))
	}
	return &hs.TGetResultSetMetadataResp{Status: success(), Schema: schema}, nil
}

// maxBatch bounds a batch, whatever a client asks for.
const maxBatch = 100_000

// FetchResults gives the next rows, or says that they are still computed.
func (h *handler) FetchResults(_ context.Context, r *hs.TFetchResultsReq) (*hs.TFetchResultsResp, error) {
	answer, _ := h.fetch(r)
	return answer, nil
}

// fetch is FetchResults, and gives the batch whose rows the answer holds; nil: it holds none.
func (h *handler) fetch(r *hs.TFetchResultsReq) (*hs.TFetchResultsResp, *batch) {
	op, err := h.operation(r.OperationHandle)
	if err != nil {
		return &hs.TFetchResultsResp{Status: failure(err)}, nil
	}
	ready, err := op.wait(h.server.options.FetchWait)
	if err != nil {
		return &hs.TFetchResultsResp{Status: failure(err)}, nil
	}
	f := fetched{executing: true, more: true}
	if ready {
		size := min(max(int(r.MaxRows), 1), maxBatch)
		if h.server.options.BatchRows > 0 {
			size = min(size, h.server.options.BatchRows)
		}
		if f, err = op.fetch(size, h.server.options.FetchWait); err != nil {
			return &hs.TFetchResultsResp{Status: failure(err)}, nil
		}
	}
	if f.executing {
		return &hs.TFetchResultsResp{Status: &hs.TStatus{StatusCode: hs.TStatusCode_STILL_EXECUTING_STATUS}, HasMoreRows: &f.more}, nil
	}
	return &hs.TFetchResultsResp{Status: success(), HasMoreRows: &f.more, Results: h.shortened(f.batch.rowSet(f.offset))}, f.batch
}

// closeOperation ends an operation and says what it changed.
func (h *handler) closeOperation(handle *hs.TOperationHandle) (*hs.TStatus, *changed) {
	op, err := h.operation(handle)
	if err != nil {
		return failure(err), nil
	}
	return success(), h.forget(op)
}

// CloseOperation ends an operation.
func (h *handler) CloseOperation(_ context.Context, r *hs.TCloseOperationReq) (*hs.TCloseOperationResp, error) {
	status, _ := h.closeOperation(r.OperationHandle)
	return &hs.TCloseOperationResp{Status: status}, nil
}

// CancelOperation stops an operation, which remains to be closed.
func (h *handler) CancelOperation(_ context.Context, r *hs.TCancelOperationReq) (*hs.TCancelOperationResp, error) {
	op, err := h.operation(r.OperationHandle)
	if err != nil {
		return &hs.TCancelOperationResp{Status: failure(err)}, nil
	}
	op.cancel()
	<-op.ended
	return &hs.TCancelOperationResp{Status: success()}, nil
}
