#!/bin/sh
# A host that is curl and jq, where nothing may stay open for long: polls, each an array of calls.
server=${GRIP_LAMBDA_URL:-http://localhost:7999}
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT

poll() {
    curl -sf -D "$headers" -H 'Accept: application/json' "$@"
}
cursor() {
    sed -n 's/^last-event-id: *\([^[:cntrl:]]*\).*/Last-Event-ID: \1/Ip' "$headers"
}

open=$(poll "$server/lambda/new")
id=$(printf %s "$open" | jq -r '.[0].params[0]')
token=$(printf %s "$open" | jq -r '.[0].params[1].token')
address="$server/lambda/new/$id?token=$token"
curl -s -d '{"id":0,"result":"ok"}' "$address"
echo "call me at $server/lambda/$id/greet"

while calls=$(poll -H "$(cursor)" "$address"); do
    printf %s "$calls" | jq -c '[.[] | {id, result: {hello: .params[0]}}]' |
        curl -s --data-binary @- "$address"
done
