api={{ site }}/api/v1/tasks/task
token="Authorization: Bearer $GATEHOUSE_TOKEN"
id=$(curl -sS --fail-with-body -X POST "$api?message=Hello" -H "$token" |
  sed -n 's/.*"id": *"\([^"]*\)".*/\1/p')

until curl -sS "$api/$id" -H "$token" | grep -E '"success": *(true|false)'; do
  sleep 1
done
