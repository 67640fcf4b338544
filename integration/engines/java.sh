# java.sh - what both servers need: a JDK, Maven, and jars by their coordinates. Sourced, not run.
# The caller defines say and die.

# need_java installs a JDK (17 or later) and Maven through apt-get where they are missing.
need_java() {
  local version=0
  if command -v javac >/dev/null; then
    version=$(javac -version 2>&1 | sed -E 's/^javac ([0-9]+).*/\1/')
  fi
  if [ "$version" -ge 17 ] && command -v mvn >/dev/null; then return 0; fi
  local root=() packages=(maven)
  [ "$(id -u)" = 0 ] || root=(sudo)
  "${root[@]}" apt-get update -q >&2
  if [ "$version" -lt 17 ]; then # the oldest that is new enough: what both servers were made for
    for version in 17 21; do
      if apt-cache show "openjdk-$version-jdk-headless" >/dev/null 2>&1; then break; fi
    done
    packages+=("openjdk-$version-jdk-headless")
  fi
  say "installing ${packages[*]}"
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}" >&2
}

# dependency prints one <dependency> for group:artifact:version; further words are groups (group or group:artifact) to exclude.
dependency() {
  local group artifact version exclusion exclusions=
  IFS=: read -r group artifact version <<<"$1"
  shift
  for exclusion in "$@"; do
    exclusions+="<exclusion><groupId>${exclusion%%:*}</groupId><artifactId>$(sed -E 's/^[^:]*:?//; s/^$/*/' <<<"$exclusion")</artifactId></exclusion>"
  done
  echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version><exclusions>$exclusions</exclusions></dependency>"
}

# fetch_jars CACHE: copies the dependencies on stdin, and what they need, to CACHE/lib. Once: CACHE/.ok marks a whole folder.
fetch_jars() {
  local cache=$1 began=$SECONDS
  {
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging><dependencies>'
    cat
    echo '</dependencies></project>'
  } >"$cache/pom.xml"
  for attempt in 1 2 3; do
    if mvn -q -B -f "$cache/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
      -DoutputDirectory="$cache/lib" -DincludeScope=runtime >&2; then
      say "fetched $(find "$cache/lib" -name '*.jar' | wc -l) jars in $((SECONDS - began)) s"
      return 0
    fi
    say "attempt $attempt at fetching the jars came to nothing"
    sleep 3
  done
  return 1
}

# listening PORT: something accepts connections there.
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# running PIDFILE TEXT: the process of that id lives, and is ours: TEXT stands in its command line.
running() {
  [ -s "$1" ] && { tr '\0' ' ' <"/proc/$(cat "$1")/cmdline" | grep -qF -- "$2"; } 2>/dev/null
}

# stop PIDFILE TEXT: ends that process, kindly for 20 s, and waits until it is gone (a zombie is gone).
stop() {
  if running "$1" "$2"; then
    local pid
    pid=$(cat "$1")
    kill "$pid"
    for _ in $(seq 1 100); do
      gone "$pid" && break
      sleep 0.2
    done
    gone "$pid" || kill -KILL "$pid"
    say "stopped pid $pid"
  fi
  rm -f "$1"
}

gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# resident PID: its resident memory in MiB.
resident() { awk '/VmRSS/{print int($2/1024)}' "/proc/$1/status"; }
