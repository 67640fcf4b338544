package main

import (
	"context"
	"errors"
	"net"

	"github.com/apache/thrift/lib/go/thrift"
	hs "github.com/beltran/gohive/hiveserver"
)

// serve answers one client connection until it ends.
func serve(client net.Conn, engine string, trace bool) error {
	defer func() { _ = client.Close() }()
	conf := &thrift.TConfiguration{}
	socket := thrift.NewTSocketConf(engine, conf)
	if err := socket.Open(); err != nil {
		return err
	}
	defer func() { _ = socket.Close() }()
	back := protocol(socket, conf)
	processor := hs.NewTCLIServiceProcessor(newProxy(hs.NewTCLIServiceClient(thrift.NewTStandardClient(back, back)), trace))
	closeOperation, _ := processor.GetProcessorFunction("CloseOperation")
	processor.AddToProcessorMap("CloseImpalaOperation", renamed{closeOperation, "CloseImpalaOperation"})
	front := protocol(thrift.NewTSocketFromConnConf(client, conf), conf)
	for {
		ok, err := processor.Process(context.Background(), front, front)
		var end thrift.TTransportException
		if errors.As(err, &end) && end.TypeId() == thrift.END_OF_FILE {
			return nil
		}
		if err != nil || !ok {
			return err
		}
	}
}

func protocol(t thrift.TTransport, conf *thrift.TConfiguration) thrift.TProtocol {
	return thrift.NewTBinaryProtocolConf(thrift.NewTBufferedTransport(t, 1<<16), conf)
}

// renamed answers a call under the name by which it came: CloseImpalaOperation has CloseOperation's shape on the wire,
// so only the answer's name differs.
type renamed struct {
	thrift.TProcessorFunction
	name string
}

// Process calls the function with a protocol that answers under the other name.
func (f renamed) Process(ctx context.Context, seq int32, in, out thrift.TProtocol) (bool, thrift.TException) {
	return f.TProcessorFunction.Process(ctx, seq, in, renamedProtocol{out, f.name})
}

type renamedProtocol struct {
	thrift.TProtocol
	name string
}

// WriteMessageBegin replaces the message's name.
func (p renamedProtocol) WriteMessageBegin(ctx context.Context, _ string, kind thrift.TMessageType, seq int32) error {
	return p.TProtocol.WriteMessageBegin(ctx, p.name, kind, seq)
}
