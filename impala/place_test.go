package impala

import (
	"errors"
	"testing"

	"rewind/table"
)

func TestPlacesApart(t *testing.T) {
	owner := table.Name{Database: "shop", Table: "orders"}
	for _, c := range []struct {
		mine, theirs string
		refused      bool
	}{
		{"hdfs://ns/warehouse/shop.db/then", "hdfs://ns/warehouse/shop.db/orders", false},
		{"hdfs://ns/warehouse/shop.db/orders2", "hdfs://ns/warehouse/shop.db/orders", false},
		{"hdfs://ns/warehouse/shop.db/orders", "hdfs://ns/warehouse/shop.db/orders", true},
		{"hdfs://ns/warehouse/shop.db/orders/", "/warehouse/shop.db/orders", true},
		{"hdfs://10.0.0.1:8020/data/orders/sub", "hdfs://ns/data/orders", true},
		{"hdfs://ns/data", "hdfs://ns/data/orders", true},
		{"hdfs://ns/data/../data/orders", "hdfs://ns/data/orders", true},
		{"hdfs://ns/", "hdfs://ns/data/orders", true},
		{"s3a://a/data/orders", "s3a://b/data/orders", false},
		{"s3a://a/data/orders/x", "s3://a/data/orders", true},
		{"s3a://a/data/orders", "hdfs://ns/data/orders", false},
		{"file:///data/orders", "/data/orders", true},
		{"", "/data/orders", false},
	} {
		err := apart("the new table", c.mine, owner, c.theirs)
		var location *LocationError
		if (err != nil) != c.refused || err != nil && (!errors.As(err, &location) || location.ExitCode() != 6) {
			t.Errorf("%s beside %s: %v", c.mine, c.theirs, err)
		}
	}
}
