const answer = await fetch("{{ site }}/api/v1/user/me", {
  headers: { Authorization: `Bearer ${process.env.GATEHOUSE_TOKEN}` },
});
if (!answer.ok) throw new Error((await answer.json()).detail);
console.log((await answer.json()).username);
