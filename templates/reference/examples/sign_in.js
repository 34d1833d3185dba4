const site = "{{ site }}/api/v1";
const form = new URLSearchParams({
  username: process.env.GATEHOUSE_USER,
  password: process.env.GATEHOUSE_PASSWORD,
});
let answer = await fetch(`${site}/login`, { method: "POST", body: form });
if (!answer.ok) throw new Error((await answer.json()).detail);
console.log((await answer.json()).access_token);

// After half an hour: the cookie gets the next token, and is changed itself.
const cookie = answer.headers.getSetCookie()[0].split(";")[0];
answer = await fetch(`${site}/refresh`, { method: "POST", headers: { cookie } });
if (!answer.ok) throw new Error((await answer.json()).detail);
console.log((await answer.json()).access_token);
