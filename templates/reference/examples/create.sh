key="only-once-$(date +%s)"  # any text of your own

# The second call is answered like the first, and makes nothing.
for try in 1 2; do
  curl -sS -X POST "{{ site }}/api/v1/tasks/task?message=Only+once" \
    -H "Authorization: Bearer $GATEHOUSE_TOKEN" \
    -H "Idempotency-Key: $key"
done
