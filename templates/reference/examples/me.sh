curl -sS {{ site }}/api/v1/user/me \
  -H "Authorization: Bearer $GATEHOUSE_TOKEN"
