#!/usr/bin/env bash
# perf.sh produce|consume JARS BROKER TOPIC RECORDS [BYTES] - Kafka's own perf tools; what they measured as one line of JSON.
set -euo pipefail
JARS=$2 BROKER=$3 TOPIC=$4 RECORDS=$5
java=(java -XX:ActiveProcessorCount=2 -Xmx512m -cp "$JARS/*")
case $1 in
produce)
  "${java[@]}" org.apache.kafka.tools.ProducerPerformance --topic "$TOPIC" --num-records "$RECORDS" --record-size "$6" --throughput -1 \
    --producer-props "bootstrap.servers=$BROKER" acks=all compression.type=lz4 2>/dev/null |
    awk -v n="$RECORDS" '/records sent/ {rate = $4} END {if (!rate) exit 1; printf "{\"wall_s\":%f,\"units\":%d,\"more\":{\"publish_s\":%f}}\n", n / rate, n, n / rate}'
  ;;
consume)
  "${java[@]}" org.apache.kafka.tools.ConsumerPerformance --bootstrap-server "$BROKER" --topic "$TOPIC" --num-records "$RECORDS" --group "bench-$$" 2>/dev/null |
    awk -F', ' '/^[0-9]/ {n = $5; ms = $8} END {if (!ms) exit 1; printf "{\"wall_s\":%f,\"units\":%d}\n", ms / 1000, n}'
  ;;
esac
