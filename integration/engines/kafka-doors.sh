#!/usr/bin/env bash
# kafka-doors.sh - sourced by kafka-up.sh: the listeners that ask who is there, and who may do what. Sets users.
# shellcheck disable=SC2154
DOORS=$WORK/doors
if [ ! -f "$DOORS/ca.crt" ]; then (cd "$HERE/../.." && CGO_ENABLED=0 go run ./integration/certificates "$DOORS"); fi
if [ ! -s "$DOORS/secret" ]; then head -c12 /dev/urandom | base64 | tr '+/' 'ab' >"$DOORS/secret"; fi
secret=$(cat "$DOORS/secret")
# listener NAME PORT PROTOCOL
listeners= map=
listener() {
  listeners+=",$1://127.0.0.1:$2"
  map+=",$1:$3"
}
listener SASL_TLS $((PORT + 4)) SASL_SSL
listener SASL_CLEAR $((PORT + 5)) SASL_PLAINTEXT
listener MUTUAL $((PORT + 6)) SSL
listener OTHER $((PORT + 7)) SSL
listener EXPIRED $((PORT + 8)) SSL
sed -i -e "s#^\(listeners=.*\)#\1$listeners#" -e "s#^\(advertised.listeners=.*\)#\1$listeners#" \
  -e "s#^\(listener.security.protocol.map=.*\)#\1$map#" "$WORK/server.properties"
{
  echo "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
  echo "ssl.keystore.type=PEM"
  echo "ssl.truststore.type=PEM"
  echo "ssl.truststore.location=$DOORS/ca.crt"
  echo "ssl.keystore.location=$DOORS/server.pem"
  echo "listener.name.other.ssl.keystore.location=$DOORS/other.pem"
  echo "listener.name.expired.ssl.keystore.location=$DOORS/expired.pem"
  echo "listener.name.mutual.ssl.client.auth=required"
  for name in sasl_tls sasl_clear; do
    echo "listener.name.$name.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required" \
      "user_rewind=\"$secret\" user_guest=\"guest\";"
    for scram in scram-sha-256 scram-sha-512; do
      echo "listener.name.$name.$scram.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
    done
  done
  # Whoever comes by the open door may do everything, as without an authorizer; guest may do nothing.
  echo "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer"
  echo "super.users=User:ANONYMOUS;User:rewind;User:CN=rewind-test-client"
} >>"$WORK/server.properties"
for scram in SCRAM-SHA-256 SCRAM-SHA-512; do
  users+=(--add-scram "$scram=[name=rewind,password=$secret]" --add-scram "$scram=[name=guest,password=guest]")
done
cat >"$WORK/doors.env" <<ENV
export KAFKA_SECURE=1
export REWIND_DOORS='$DOORS'
export REWIND_DOORS_PASSWORD='$secret'
export REWIND_KAFKA_SASL_TLS='127.0.0.1:$((PORT + 4))'
export REWIND_KAFKA_SASL_CLEAR='127.0.0.1:$((PORT + 5))'
export REWIND_KAFKA_MUTUAL='127.0.0.1:$((PORT + 6))'
export REWIND_KAFKA_OTHER='127.0.0.1:$((PORT + 7))'
export REWIND_KAFKA_EXPIRED='127.0.0.1:$((PORT + 8))'
ENV
