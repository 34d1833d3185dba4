const headers = {
  Authorization: `Bearer ${process.env.GATEHOUSE_TOKEN}`,
  "Idempotency-Key": crypto.randomUUID(), // any text of your own
};
const site = "{{ site }}/api/v1/tasks/task?message=Only+once";

// The second call is answered like the first, and makes nothing.
for (let tries = 0; tries < 2; tries++) {
  const answer = await fetch(site, { method: "POST", headers });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  console.log((await answer.json()).id);
}
