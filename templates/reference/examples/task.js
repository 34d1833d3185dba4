const site = "{{ site }}/api/v1/tasks/task";
const headers = { Authorization: `Bearer ${process.env.GATEHOUSE_TOKEN}` };

async function call(path, method = "GET") {
  const answer = await fetch(site + path, { method, headers });
  if (answer.ok) return answer.json();
  const { detail, retry_after } = await answer.json();
  throw new Error(retry_after ? `Try again in ${retry_after} seconds.` : detail);
}

const { id } = await call("?message=Hello", "POST");
let task = await call(`/${id}`);
while (task.success === null) {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  task = await call(`/${id}`);
}
console.log(task.status, task.result);
