curl -sS -c cookies.txt {{ site }}/api/v1/login \
  --data-urlencode "username=$GATEHOUSE_USER" \
  --data-urlencode "password=$GATEHOUSE_PASSWORD"

# After half an hour: the cookie gets the next token, and is changed itself.
curl -sS -X POST -b cookies.txt -c cookies.txt {{ site }}/api/v1/refresh
