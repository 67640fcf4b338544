package hs2

import (
	"context"

	"github.com/apache/thrift/lib/go/thrift"
	hs "github.com/beltran/gohive/hiveserver"
)

// newProcessor adds Impala's CloseImpalaOperation to HiveServer2's calls.
func newProcessor(h *handler) *hs.TCLIServiceProcessor {
	p := hs.NewTCLIServiceProcessor(h)
	p.AddToProcessorMap("CloseImpalaOperation", closeImpala{h})
	if h.server.options.RepeatAnswers {
		p.AddToProcessorMap("FetchResults", repeatFetch{h})
	}
	return p
}

// closeImpala closes an operation and says how many rows it changed. The
// generated bindings do not know the call, so its few fields are written here.
type closeImpala struct{ handler *handler }

// Process answers one call.
func (p closeImpala) Process(ctx context.Context, seq int32, in, out thrift.TProtocol) (bool, thrift.TException) {
	args := hs.TCLIServiceCloseOperationArgs{}
	if err := args.Read(ctx, in); err != nil {
		return false, thrift.WrapTException(err)
	}
	if err := in.ReadMessageEnd(ctx); err != nil {
		return false, thrift.WrapTException(err)
	}
	status, rows := p.handler.closeOperation(args.Req.GetOperationHandle())
	if err := writeClosed(ctx, seq, out, status, rows); err != nil {
		return false, thrift.WrapTException(err)
	}
	return true, nil
}

// changed is what a DML statement did; nil for other statements.
type changed struct{ modified, deleted int64 }

// writeClosed writes TCloseImpalaOperationResp{1: status, 2: dml_result}.
func writeClosed(ctx context.Context, seq int32, out thrift.TProtocol, status *hs.TStatus, rows *changed) error {
	steps := []func() error{
		func() error { return out.WriteMessageBegin(ctx, "CloseImpalaOperation", thrift.REPLY, seq) },
		func() error { return out.WriteStructBegin(ctx, "CloseImpalaOperation_result") },
		func() error { return out.WriteFieldBegin(ctx, "success", thrift.STRUCT, 0) },
		func() error { return out.WriteStructBegin(ctx, "TCloseImpalaOperationResp") },
		func() error { return out.WriteFieldBegin(ctx, "status", thrift.STRUCT, 1) },
		func() error { return status.Write(ctx, out) },
		func() error { return out.WriteFieldEnd(ctx) },
	}
	if rows != nil {
		steps = append(steps,
			func() error { return out.WriteFieldBegin(ctx, "dml_result", thrift.STRUCT, 2) },
			func() error { return writeCounts(ctx, out, rows) },
			func() error { return out.WriteFieldEnd(ctx) })
	}
	steps = append(steps,
		func() error { return out.WriteFieldStop(ctx) },
		func() error { return out.WriteStructEnd(ctx) },
		func() error { return out.WriteFieldEnd(ctx) },
		func() error { return out.WriteFieldStop(ctx) },
		func() error { return out.WriteStructEnd(ctx) },
		func() error { return out.WriteMessageEnd(ctx) },
		func() error { return out.Flush(ctx) })
	return all(steps)
}

// writeCounts writes TDmlResult{1: rows_modified by partition, 3: rows_deleted}.
func writeCounts(ctx context.Context, out thrift.TProtocol, rows *changed) error {
	counts := func(name string, id int16, n int64) func() error {
		return func() error {
			return all([]func() error{
				func() error { return out.WriteFieldBegin(ctx, name, thrift.MAP, id) },
				func() error { return out.WriteMapBegin(ctx, thrift.STRING, thrift.I64, 1) },
				func() error { return out.WriteString(ctx, "") },
				func() error { return out.WriteI64(ctx, n) },
				func() error { return out.WriteMapEnd(ctx) },
				func() error { return out.WriteFieldEnd(ctx) },
			})
		}
	}
	steps := []func() error{
		func() error { return out.WriteStructBegin(ctx, "TDmlResult") },
		counts("rows_modified", 1, rows.modified),
	}
	if rows.deleted > 0 {
		steps = append(steps, counts("rows_deleted", 3, rows.deleted))
	}
	return all(append(steps,
		func() error { return out.WriteFieldStop(ctx) },
		func() error { return out.WriteStructEnd(ctx) }))
}

func all(steps []func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
