const headers = { Authorization: `Bearer ${process.env.GATEHOUSE_TOKEN}` };

for (let page = 1, more = true; more; page++) {
  const query = new URLSearchParams({ page, items_per_page: 1 });
  const answer = await fetch(`{{ site }}/api/v1/tiers?${query}`, { headers });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  const { data, has_more } = await answer.json();
  for (const tier of data) console.log(tier.name);
  more = has_more;
}
