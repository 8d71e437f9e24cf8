#!/bin/sh
# A host that is curl and jq: a stream down, a POST for each answer.
server=${GRIP_LAMBDA_URL:-http://localhost:7999}

curl -sN -H 'Accept: text/event-stream' "$server/lambda/new" |
sed -un 's/^data: //p' |
while read -r message; do
    case $message in
    '{"method":"open"'*)
        id=$(printf %s "$message" | jq -r '.params[0]')
        token=$(printf %s "$message" | jq -r '.params[1].token')
        answer='{"id":0,"result":"ok"}'
        echo "call me at $server/lambda/$id/greet"
        ;;
    *)
        answer=$(printf %s "$message" | jq -c '{id, result: {hello: .params[0]}}')
        ;;
    esac
    printf %s "$answer" | curl -s --data-binary @- "$server/lambda/new/$id?token=$token"
done
