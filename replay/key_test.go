package replay

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"rewind/table"
)

func TestHistoryKeys(t *testing.T) {
	tp, one, _ := shop(t, 2)
	_, odd := "", rowsOf(t, tp.schema, []string{"7", `a,b="c"`, "Odd"})
	for k, image := range one {
		odd[k] = image
	}
	tp.snapshot(odd, published{})
	tp.close()
	j := openReplay(t, tp.fs)
	for key, versions := range map[string]int{
		"order_id=1,line=a": 1, "line=a,order_id=1": 1, `order_id=7,line="a,b=\"c\""`: 1, "order_id=8,line=a": 0,
	} {
		if h, err := j.RowHistory(context.Background(), key); err != nil || len(h.Versions) != versions {
			t.Errorf("%s: %+v, %v", key, h, err)
		}
	}
	for _, key := range []string{"", "order_id=1", "order_id=x,line=a", "order_id=1,line=a,item=Alice", "order_id=1,order_id=1,line=a", `order_id=1,line="a`, "1"} {
		_, err := j.RowHistory(context.Background(), key)
		var text *table.KeyTextError
		if !errors.As(err, &text) || text.ExitCode() != 2 || !strings.Contains(text.Hint(), "order_id=…,line=…") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// FuzzHistoryKey: a key that is read and written again is the same key.
func FuzzHistoryKey(f *testing.F) {
	for _, s := range []string{"order_id=1,line=a", `line="a,b=\"c\"",order_id=-5`, "order_id=NULL,line=NULL", "=,=", `"order_id"=1,line=x`} {
		f.Add(s)
	}
	codec, err := table.NewCodec(ordersSchema(itemColumn))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := codec.ParseKey(text)
		if err != nil {
			return
		}
		again, err := codec.ParseKey(codec.FormatKey(key))
		if err != nil || !bytes.Equal(again, key) {
			t.Fatalf("%q is %x, written %q, read again %x, %v", text, key, codec.FormatKey(key), again, err)
		}
	})
}
