# supervise DIRECTORY PROGRAM ARGUMENT...
#
# Runs a server for as long as standard input stays open, then ends it and removes its directory. The other end of standard
# input belongs to the test process, so however that process ends, the server does not stay behind. A server that ends by
# itself leaves its directory, so that its log can be read.
directory=$1
shift
"$@" </dev/null >>"$directory/output.log" 2>&1 &
server=$!
echo "$server" >"$directory/server.pid"
exec 3<&0
{
    cat >/dev/null
    touch "$directory/asked-to-end"
    kill -KILL "$server"
} <&3 &
watcher=$!
wait "$server"
if [ -e "$directory/asked-to-end" ]; then
    rm -rf "$directory"
else
    kill "$watcher"
    exit 1
fi
