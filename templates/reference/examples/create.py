import os
import uuid

import httpx

headers = {
    "Authorization": f"Bearer {os.environ['GATEHOUSE_TOKEN']}",
    "Idempotency-Key": str(uuid.uuid4()),  # any text of your own
}
# The second call is answered like the first, and makes nothing.
for _ in range(2):
    answer = httpx.post(
        "{{ site }}/api/v1/tasks/task",
        params={"message": "Only once"},
        headers=headers,
    )
    answer.raise_for_status()
    print(answer.json()["id"])
