package kafkatest

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// SetTopic changes a setting of a topic, as an operator does.
func (c *Cluster) SetTopic(t testing.TB, topic, name, value string) {
	t.Helper()
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = name, &value
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	resource.Configs = append(resource.Configs, config)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, resource)
	res, err := req.RequestWith(context.Background(), c.admin(t))
	if err != nil || res.Resources[0].ErrorCode != 0 {
		t.Fatalf("%s=%s: %v, %+v", name, value, err, res)
	}
}
