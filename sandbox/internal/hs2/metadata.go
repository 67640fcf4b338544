package hs2

import (
	"context"

	hs "github.com/beltran/gohive/hiveserver"

	"rewind/sandbox/internal/engine"
)

// GetInfo answers a ping.
func (h *handler) GetInfo(_ context.Context, r *hs.TGetInfoReq) (*hs.TGetInfoResp, error) {
	empty := ""
	if _, err := h.session(r.SessionHandle, false); err != nil {
		return &hs.TGetInfoResp{Status: failure(err), InfoValue: &hs.TGetInfoValue{StringValue: &empty}}, nil
	}
	name := "Impala"
	if r.InfoType == hs.TGetInfoType_CLI_DBMS_VER {
		name = engine.Version
	}
	return &hs.TGetInfoResp{Status: success(), InfoValue: &hs.TGetInfoValue{StringValue: &name}}, nil
}

// list starts an operation over the catalog.
func (h *handler) list(handle *hs.TSessionHandle, what string, rows func(*engine.Session) (*engine.Result, error)) (*hs.TStatus, *hs.TOperationHandle) {
	x, err := h.session(handle, true)
	if err != nil {
		return failure(err), nil
	}
	op := h.start(x, what, true, func(context.Context) (*engine.Result, error) { return rows(x.engine) })
	if _, err := op.wait(patience); err != nil {
		h.forget(op)
		return failure(err), nil
	}
	return success(), op.handle()
}

func pattern[T ~string](p *T) string {
	if p == nil || *p == "" {
		return "%"
	}
	return string(*p)
}

// GetSchemas lists databases.
func (h *handler) GetSchemas(_ context.Context, r *hs.TGetSchemasReq) (*hs.TGetSchemasResp, error) {
	status, op := h.list(r.SessionHandle, "GET_SCHEMAS", func(s *engine.Session) (*engine.Result, error) {
		return s.ListDatabases(pattern(r.SchemaName))
	})
	return &hs.TGetSchemasResp{Status: status, OperationHandle: op}, nil
}

// GetTables lists tables and views.
func (h *handler) GetTables(_ context.Context, r *hs.TGetTablesReq) (*hs.TGetTablesResp, error) {
	status, op := h.list(r.SessionHandle, "GET_TABLES", func(s *engine.Session) (*engine.Result, error) {
		return s.ListTables(pattern(r.SchemaName), pattern(r.TableName))
	})
	return &hs.TGetTablesResp{Status: status, OperationHandle: op}, nil
}

// GetColumns lists columns.
func (h *handler) GetColumns(_ context.Context, r *hs.TGetColumnsReq) (*hs.TGetColumnsResp, error) {
	status, op := h.list(r.SessionHandle, "GET_COLUMNS", func(s *engine.Session) (*engine.Result, error) {
		return s.ListColumns(pattern(r.SchemaName), pattern(r.TableName), pattern(r.ColumnName))
	})
	return &hs.TGetColumnsResp{Status: status, OperationHandle: op}, nil
}

// unsupported answers the calls that the stand-in does not offer.
type unsupported struct{}

func notImplemented() *hs.TStatus {
	return failure(&engine.Error{SQLState: "HYC00", Message: "Not implemented by the stand-in"})
}

// GetTypeInfo is not offered.
func (unsupported) GetTypeInfo(context.Context, *hs.TGetTypeInfoReq) (*hs.TGetTypeInfoResp, error) {
	return &hs.TGetTypeInfoResp{Status: notImplemented()}, nil
}

// GetCatalogs is not offered.
func (unsupported) GetCatalogs(context.Context, *hs.TGetCatalogsReq) (*hs.TGetCatalogsResp, error) {
	return &hs.TGetCatalogsResp{Status: notImplemented()}, nil
}

// GetTableTypes is not offered.
func (unsupported) GetTableTypes(context.Context, *hs.TGetTableTypesReq) (*hs.TGetTableTypesResp, error) {
	return &hs.TGetTableTypesResp{Status: notImplemented()}, nil
}

// GetFunctions is not offered.
func (unsupported) GetFunctions(context.Context, *hs.TGetFunctionsReq) (*hs.TGetFunctionsResp, error) {
	return &hs.TGetFunctionsResp{Status: notImplemented()}, nil
}

// GetPrimaryKeys is not offered.
func (unsupported) GetPrimaryKeys(context.Context, *hs.TGetPrimaryKeysReq) (*hs.TGetPrimaryKeysResp, error) {
	return &hs.TGetPrimaryKeysResp{Status: notImplemented()}, nil
}

// GetCrossReference is not offered.
func (unsupported) GetCrossReference(context.Context, *hs.TGetCrossReferenceReq) (*hs.TGetCrossReferenceResp, error) {
	return &hs.TGetCrossReferenceResp{Status: notImplemented()}, nil
}

// GetDelegationToken is not offered.
func (unsupported) GetDelegationToken(context.Context, *hs.TGetDelegationTokenReq) (*hs.TGetDelegationTokenResp, error) {
	return &hs.TGetDelegationTokenResp{Status: notImplemented()}, nil
}

// CancelDelegationToken is not offered.
func (unsupported) CancelDelegationToken(context.Context, *hs.TCancelDelegationTokenReq) (*hs.TCancelDelegationTokenResp, error) {
	return &hs.TCancelDelegationTokenResp{Status: notImplemented()}, nil
}

// RenewDelegationToken is not offered.
func (unsupported) RenewDelegationToken(context.Context, *hs.TRenewDelegationTokenReq) (*hs.TRenewDelegationTokenResp, error) {
	return &hs.TRenewDelegationTokenResp{Status: notImplemented()}, nil
}

// GetQueryId is not offered.
//
//nolint:revive // the interface's name
func (unsupported) GetQueryId(context.Context, *hs.TGetQueryIdReq) (*hs.TGetQueryIdResp, error) {
	return &hs.TGetQueryIdResp{}, nil
}

// SetClientInfo is not offered.
func (unsupported) SetClientInfo(context.Context, *hs.TSetClientInfoReq) (*hs.TSetClientInfoResp, error) {
	return &hs.TSetClientInfoResp{Status: notImplemented()}, nil
}
