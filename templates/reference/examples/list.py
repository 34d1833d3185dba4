import os

import httpx

token = {"Authorization": f"Bearer {os.environ['GATEHOUSE_TOKEN']}"}
with httpx.Client(base_url="{{ site }}/api/v1", headers=token) as client:
    page, has_more = 1, True
    while has_more:
        query = {"page": page, "items_per_page": 1}
        answer = client.get("/tiers", params=query).raise_for_status().json()
        for tier in answer["data"]:
            print(tier["name"])
        page, has_more = page + 1, answer["has_more"]
