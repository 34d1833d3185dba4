import os
import sys
import time

import httpx

token = {"Authorization": f"Bearer {os.environ['GATEHOUSE_TOKEN']}"}
with httpx.Client(base_url="{{ site }}/api/v1/tasks", headers=token) as client:
    answer = client.post("/task", params={"message": "Hello"})
    if answer.status_code == 429:
        sys.exit(f"Try again in {answer.headers['Retry-After']} seconds.")
    answer.raise_for_status()

    task = client.get(f"/task/{answer.json()['id']}").raise_for_status().json()
    while task["success"] is None:
        time.sleep(1)
        task = client.get(f"/task/{task['id']}").raise_for_status().json()
    print(task["status"], task["result"])
