import os

import httpx

answer = httpx.get(
    "{{ site }}/api/v1/user/me",
    headers={"Authorization": f"Bearer {os.environ['GATEHOUSE_TOKEN']}"},
)
answer.raise_for_status()
print(answer.json()["username"])
