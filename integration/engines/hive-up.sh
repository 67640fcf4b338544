#!/usr/bin/env bash
# hive-up.sh - starts one real HiveServer2 (Apache Hive 4.0.1, Tez in local mode, embedded Derby metastore, warehouse on the local
# disk) on 127.0.0.1, from Maven artifacts, and hs2proxy in front of it, which makes it look like Impala.
# Where they run already it only prints the DSN again. Needs go.
#
#   HIVE_PORT   the port that looks like Impala; HiveServer2 itself takes the next one  (default 29050)
#   HIVE_WORK   folder for the warehouse, the metastore and logs                        (default /tmp/rewind-hive-$HIVE_PORT)
#   HIVE_HEAP   JVM heap                                                                (default 1g)
#   HIVE_CACHE  the jars: 286 MB, about a minute to fetch                               (default ~/.cache/hive-jars/4.0.1)
#   HIVE_WAIT   seconds until it must be ready                                          (default 180)
#   HIVE_LDAP   the URL of an LDAP server: HiveServer2 then listens at HIVE_PORT itself, without the proxy, and lets in by SASL PLAIN
#               whom that server knows as uid=USER,ou=people,dc=rewind. It need not run yet          (default: anybody comes in)
#   HIVE_TRACE  1: the proxy writes every statement to $HIVE_WORK/proxy.log, as it came and as Hive got it
# stdout: one line, the DSN. Everything else goes to stderr. The warehouse is $HIVE_WORK/warehouse.
set -euo pipefail
PORT=${HIVE_PORT:-29050}
ENGINE=$((PORT + 1))
WORK=${HIVE_WORK:-/tmp/rewind-hive-$PORT}
HEAP=${HIVE_HEAP:-1g}
CACHE=${HIVE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hive-jars/4.0.1}
WAIT=${HIVE_WAIT:-180}
HERE=$(cd "$(dirname "$0")" && pwd)
DSN="impala://127.0.0.1:$PORT?auth=noauth&socket-timeout=120s"
LDAP=${HIVE_LDAP:-}
if [ -n "$LDAP" ]; then ENGINE=$PORT DSN="impala://127.0.0.1:$PORT?auth=ldap&socket-timeout=120s"; fi
say() { echo "hive-up: $*" >&2; }
die() { say "ERROR: $*"; exit 1; }
# shellcheck source-path=SCRIPTDIR
. "$HERE/java.sh"

mkdir -p "$WORK"/{warehouse,tmp,conf,hadoop/bin,bin} "$CACHE"
WORK=$(cd "$WORK" && pwd)
if running "$WORK/hive.pid" "$WORK/conf" && { [ -n "$LDAP" ] || running "$WORK/proxy.pid" "$WORK/bin/hs2proxy"; }; then
  say "already running"
  echo "$DSN"
  exit 0
fi

# 1. The jars, once, and the proxy.
need_java
exec 9>"$CACHE/.lock"
flock 9
if [ ! -f "$CACHE/.ok" ]; then
  say "fetching the jars of Hive 4.0.1 into $CACHE"
  unneeded=(org.pac4j net.shibboleth.tool org.opensaml org.pentaho org.apache.hbase org.apache.spark)
  for jar in org.apache.hive:hive-{service,exec,metastore,standalone-metastore-server}:4.0.1 \
    org.apache.tez:tez-{dag,mapreduce}:0.10.4 \
    org.apache.hadoop:hadoop-{common,hdfs,hdfs-client,yarn-client}:3.3.6 \
    org.apache.hadoop:hadoop-mapreduce-client-{core,common,jobclient}:3.3.6 \
    org.datanucleus:datanucleus-api-jdo:5.2.8 org.datanucleus:datanucleus-rdbms:5.2.10 org.datanucleus:javax.jdo:3.2.0-release; do
    dependency "$jar" "${unneeded[@]}"
  done | fetch_jars "$CACHE" || die "Maven could not fetch the jars"
  # A second logger, test classes, and a shaded copy of classes that are there unshaded.
  rm -f "$CACHE"/lib/slf4j-reload4j* "$CACHE"/lib/hive-llap-common-*-tests.jar "$CACHE"/lib/hadoop-client-api-*.jar
  touch "$CACHE/.ok"
fi
exec 9>&-
if [ -z "$LDAP" ]; then (cd "$HERE/.." && CGO_ENABLED=0 go build -o "$WORK/bin/hs2proxy" ./hs2proxy); fi

# 2. Configuration.
property() { echo "<property><name>$1</name><value>$2</value></property>"; }
authentication=NOSASL
if [ -n "$LDAP" ]; then authentication=LDAP; fi
{
  echo "<configuration>"
  while read -r name value; do
    case $name in '' | '#'*) ;; *) property "$name" "$value" ;; esac
  done <<CONF
# The metastore: in the process, made on the first start.
javax.jdo.option.ConnectionURL jdbc:derby:;databaseName=$WORK/metastore_db;create=true
javax.jdo.option.ConnectionDriverName org.apache.derby.jdbc.EmbeddedDriver
hive.metastore.uris
hive.metastore.schema.verification false
datanucleus.schema.autoCreateAll true
hive.metastore.event.db.notification.api.auth false
hive.notification.event.poll.interval 0
metastore.warehouse.dir file://$WORK/warehouse
hive.metastore.warehouse.dir file://$WORK/warehouse
hive.metastore.warehouse.external.dir file://$WORK/warehouse
# The server: this machine only, nothing around it.
hive.server2.authentication $authentication
hive.server2.authentication.ldap.url $LDAP
hive.server2.authentication.ldap.userDNPattern uid=%s,ou=people,dc=rewind
hive.server2.thrift.bind.host 127.0.0.1
hive.server2.thrift.port $ENGINE
hive.server2.enable.doAs false
hive.server2.webui.port 0
hive.server2.logging.operation.enabled false
hive.server2.metrics.enabled false
hive.metastore.metrics.enabled false
hive.server2.active.passive.ha.enable false
hive.server2.tez.initialize.default.sessions false
hive.server2.materializedviews.registry.impl DUMMY
hive.query.history.enabled false
hive.scheduled.queries.executor.enabled false
hive.security.authorization.enabled false
# Plain tables, as Impala makes them: no transactions, and managed ones stay managed.
hive.support.concurrency false
hive.txn.manager org.apache.hadoop.hive.ql.lockmgr.DummyTxnManager
hive.create.as.acid false
hive.create.as.insert.only false
hive.metastore.create.as.acid false
hive.strict.managed.tables false
metastore.metadata.transformer.class &#32;
# A column may become one of another type, as in Impala.
hive.metastore.disallow.incompatible.col.type.changes false
metastore.disallow.incompatible.col.type.changes false
hive.exec.dynamic.partition.mode nonstrict
hive.stats.autogather false
# Everything in this one process, on this disk.
hive.execution.engine tez
tez.local.mode true
tez.ignore.lib.uris true
tez.runtime.optimize.local.fetch true
# One task at a time: with two, Tez in local mode counted wrongly, silently.
tez.am.inline.task.execution.max-tasks 1
tez.staging-dir $WORK/tmp/tez
tez.runtime.io.sort.mb 32
hive.tez.container.size 256
hive.auto.convert.join false
hive.fetch.task.conversion more
hive.exec.submit.local.task.via.child false
hive.exec.scratchdir file://$WORK/tmp/scratch
hive.exec.local.scratchdir $WORK/tmp/lscratch
hive.downloaded.resources.dir $WORK/tmp/res
fs.defaultFS file:///
mapreduce.framework.name local
mapreduce.jobtracker.address local
mapreduce.task.io.sort.mb 32
yarn.resourcemanager.hostname 127.0.0.1
CONF
  echo "</configuration>"
} >"$WORK/conf/hive-site.xml"
cp "$WORK/conf/hive-site.xml" "$WORK/conf/core-site.xml"
cat >"$WORK/conf/log4j2.properties" <<'CONF'
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex{12}
CONF

# 3. Start HiveServer2, then the proxy, each in a session of its own.
opens=(--add-opens=java.sql/java.sql=ALL-UNNAMED --add-opens=java.management/javax.management=ALL-UNNAMED)
for package in java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent \
  java.util.concurrent.atomic java.util.regex java.time sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar; do
  opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
# wait_for PIDFILE PORT LOG
wait_for() {
  until listening "$2"; do
    if gone "$(cat "$1")"; then
      tail -30 "$3" >&2
      rm -f "$1"
      die "a server ended: $3"
    fi
    [ $((SECONDS - began)) -lt "$WAIT" ] || { tail -30 "$3" >&2; die "not ready after $WAIT s: $3"; }
    sleep 0.1
  done
}
began=$SECONDS
if ! running "$WORK/hive.pid" "$WORK/conf"; then
  if listening "$ENGINE"; then die "port $ENGINE is in use"; fi
  (
    cd "$WORK"
    HADOOP_HOME="$WORK/hadoop" exec setsid java -Xmx"$HEAP" -XX:+UseSerialGC -XX:+IgnoreUnrecognizedVMOptions -Duser.timezone=UTC "${opens[@]}" \
      -Dderby.system.home="$WORK/tmp" -Djava.io.tmpdir="$WORK/tmp" -Dhadoop.home.dir="$WORK/hadoop" \
      -Dlog4j2.configurationFile="file:$WORK/conf/log4j2.properties" -cp "$WORK/conf:$CACHE/lib/*" org.apache.hive.service.server.HiveServer2
  ) </dev/null >"$WORK/hive.log" 2>&1 &
  echo $! >"$WORK/hive.pid"
fi
wait_for "$WORK/hive.pid" "$ENGINE" "$WORK/hive.log"
if [ -z "$LDAP" ] && ! running "$WORK/proxy.pid" "$WORK/bin/hs2proxy"; then
  if listening "$PORT"; then die "port $PORT is in use"; fi
  setsid "$WORK/bin/hs2proxy" -listen "127.0.0.1:$PORT" -engine "127.0.0.1:$ENGINE" ${HIVE_TRACE:+-trace} </dev/null >"$WORK/proxy.log" 2>&1 &
  echo $! >"$WORK/proxy.pid"
fi
if [ -z "$LDAP" ]; then wait_for "$WORK/proxy.pid" "$PORT" "$WORK/proxy.log"; fi
say "ready in $((SECONDS - began)) s, pid $(cat "$WORK/hive.pid"), $(resident "$(cat "$WORK/hive.pid")") MiB resident, work folder $WORK"
echo "$DSN"
