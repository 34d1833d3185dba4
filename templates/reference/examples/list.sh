page=1
while
  answer=$(curl -sS "{{ site }}/api/v1/tiers?page=$page&items_per_page=1" \
    -H "Authorization: Bearer $GATEHOUSE_TOKEN")
  echo "$answer"
  echo "$answer" | grep -q '"has_more": *true'
do
  page=$((page + 1))
done
