import os

import httpx

with httpx.Client(base_url="{{ site }}/api/v1") as client:
    form = {
        "username": os.environ["GATEHOUSE_USER"],
        "password": os.environ["GATEHOUSE_PASSWORD"],
    }
    answer = client.post("/login", data=form)
    answer.raise_for_status()
    print(answer.json()["access_token"])

    # After half an hour: the cookie gets the next token, and is changed itself.
    answer = client.post("/refresh")
    answer.raise_for_status()
    print(answer.json()["access_token"])
