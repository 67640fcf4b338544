#!/usr/bin/env bash
# kafka-up.sh - starts one real Apache Kafka broker (KRaft, combined mode) on 127.0.0.1, from Maven artifacts.
# Where it runs already it only prints its address again.
#
#   KAFKA_PORT   the clients' port; the controller takes the next one (default 29092). The one after that is a listener whose
#                advertised address is the port behind it: a test puts a proxy there that delays, cuts and swallows
#   KAFKA_SECURE 1 opens doors beside, from the fourth port behind it on: SASL over TLS, SASL in plain text, TLS that wants a client's
#                certificate, TLS with a certificate for another host, TLS with one that has expired; and makes the users
#                rewind (may do everything) and guest (may do nothing). $KAFKA_WORK/doors.env says where they are. Needs go.
#   KAFKA_WORK   folder for data and logs                             (default /tmp/rewind-kafka-$KAFKA_PORT)
#   KAFKA_HEAP   JVM heap                                             (default 512m)
#   KAFKA_CACHE  the jars: 45 MB, seconds to fetch                    (default ~/.cache/kafka-jars/4.3.1)
#   KAFKA_WAIT   seconds until it must be ready                       (default 60)
# stdout: one line, the bootstrap address. Everything else goes to stderr.
set -euo pipefail
PORT=${KAFKA_PORT:-29092}
WORK=${KAFKA_WORK:-/tmp/rewind-kafka-$PORT}
HEAP=${KAFKA_HEAP:-512m}
CACHE=${KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kafka-jars/4.3.1}
WAIT=${KAFKA_WAIT:-60}
HERE=$(cd "$(dirname "$0")" && pwd)
say() { echo "kafka-up: $*" >&2; }
die() { say "ERROR: $*"; exit 1; }
# shellcheck source-path=SCRIPTDIR
. "$HERE/java.sh"

umask 077
mkdir -p "$WORK" "$CACHE"
WORK=$(cd "$WORK" && pwd)
if running "$WORK/kafka.pid" "$WORK/server.properties"; then
  say "already running"
  echo "127.0.0.1:$PORT"
  exit 0
fi
SECURE=${KAFKA_SECURE:-0}
ports=("$PORT" $((PORT + 1)) $((PORT + 2)))
if [ "$SECURE" = 1 ]; then ports+=($((PORT + 4)) $((PORT + 5)) $((PORT + 6)) $((PORT + 7)) $((PORT + 8))); fi
for port in "${ports[@]}"; do
  if listening "$port"; then die "port $port is in use"; fi
done

# 1. The jars, once.
need_java
exec 9>"$CACHE/.lock"
flock 9
if [ ! -f "$CACHE/.ok" ]; then
  say "fetching the jars of Kafka 4.3.1 into $CACHE"
  {
    dependency org.apache.kafka:kafka_2.13:4.3.1
    dependency org.apache.kafka:kafka-tools:4.3.1 org.apache.kafka:connect-runtime
    dependency org.apache.logging.log4j:log4j-slf4j-impl:2.25.4
  } | fetch_jars "$CACHE" || die "Maven could not fetch the jars"
  touch "$CACHE/.ok"
fi
exec 9>&-

# 2. Configuration: one broker, small, keeping everything.
cat >"$WORK/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$((PORT + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$((PORT + 1)),PROXIED://127.0.0.1:$((PORT + 2))
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$((PORT + 1)),PROXIED://127.0.0.1:$((PORT + 3))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$WORK/data
log.retention.hours=-1
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.dedupe.buffer.size=16777216
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
CONF
users=()
if [ "$SECURE" = 1 ]; then
  # shellcheck source-path=SCRIPTDIR
  . "$HERE/kafka-doors.sh"
fi
cat >"$WORK/log4j2.properties" <<CONF
status=error
appender.f.type=File
appender.f.name=F
appender.f.fileName=$WORK/server.log
appender.f.layout.type=PatternLayout
appender.f.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.f.ref=F
CONF

# 3. Format the storage, once.
if [ ! -f "$WORK/data/meta.properties" ]; then
  cluster=$(head -c16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d '=')
  java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$WORK/log4j2.properties" -cp "$CACHE/lib/*" \
    kafka.tools.StorageTool format --standalone -c "$WORK/server.properties" -t "$cluster" "${users[@]}" >"$WORK/format.log" 2>&1 ||
    { cat "$WORK/format.log" >&2; die "the storage could not be formatted"; }
fi

# 4. Start it in a session of its own and wait until it serves.
began=$SECONDS
: >"$WORK/server.log"
setsid java -Xms"$HEAP" -Xmx"$HEAP" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
  -Dlog4j2.configurationFile="$WORK/log4j2.properties" -cp "$CACHE/lib/*" kafka.Kafka "$WORK/server.properties" \
  </dev/null >"$WORK/stdout.log" 2>&1 &
pid=$!
echo "$pid" >"$WORK/kafka.pid"
until grep -q 'Kafka Server started' "$WORK/server.log" && listening "$PORT"; do
  if gone "$pid"; then
    tail -20 "$WORK/stdout.log" "$WORK/server.log" >&2
    rm -f "$WORK/kafka.pid"
    die "the broker ended"
  fi
  [ $((SECONDS - began)) -lt "$WAIT" ] || { tail -20 "$WORK/server.log" >&2; die "not ready after $WAIT s"; }
  sleep 0.1
done
say "ready in $((SECONDS - began)) s, pid $pid, $(resident "$pid") MiB resident, work folder $WORK"
echo "127.0.0.1:$PORT"
