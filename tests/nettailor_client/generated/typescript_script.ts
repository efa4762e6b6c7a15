// Asks a service by the types that openapi-typescript has made: URL IMAGE ARCHIVE.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [url, imageFile, archiveFile] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: url });
const image = new Blob([await readFile(imageFile)]);
const archive = new Blob([await readFile(archiveFile)]);

// The types know bytes as text.
const raw = { bodySerializer: (body: unknown) => body as Blob, headers: { "Content-Type": "application/octet-stream" } };
const bytes = (blob: Blob) => blob as unknown as string;

const path = { task: "signs" };
const predicted = await client.POST("/tasks/{task}/predict", {
  params: { path, query: { top_k: 2 } },
  body: bytes(image),
  ...raw,
});
assert.equal(predicted.data?.predictions[0]?.length, 2);
const images = [Buffer.from(await image.arrayBuffer()).toString("base64")];
const asJson = await client.POST("/tasks/{task}/predict", { params: { path }, body: { images } });
assert.equal(asJson.data?.predictions[0]?.[0]?.label, predicted.data?.predictions[0]?.[0]?.label);
const asForm = await client.POST("/tasks/{task}/predict", {
  params: { path },
  body: { image: [bytes(image)] },
  bodySerializer: () => {
    const form = new FormData();
    form.append("image", image, "a.png");
    return form;
  },
});
assert.equal(asForm.data?.version, 1);

const tasks = await client.GET("/tasks");
assert.ok(tasks.data?.some((task) => task.task === "signs"));
const bundle = await client.GET("/tasks/{task}/versions/{version}/bundle", {
  params: { path: { ...path, version: 1 } },
  parseAs: "blob",
});
assert.ok(bundle.data);
const published = await client.POST("/tasks/{task}/versions", { params: { path }, body: bytes(bundle.data), ...raw });
assert.equal(published.data?.version, 1);

const uploaded = await client.POST("/tasks/{task}/dataset", {
  params: { path: { task: "birds" }, query: { preset: "fast" } },
  body: bytes(archive),
  ...raw,
});
assert.equal(uploaded.data?.state, "queued");
const job = uploaded.data.id;
assert.equal(uploaded.response.headers.get("location"), `/jobs/${job}`);
const cancelled = await client.POST("/jobs/{job}/cancel", { params: { path: { job } } });
assert.equal(cancelled.data?.id, job);
const events = await client.GET("/jobs/{job}/events", { params: { path: { job } }, parseAs: "text" });
assert.match(events.data ?? "", /event: state/);
const jobs = await client.GET("/jobs", { params: { query: { task: "birds" } } });
assert.ok(jobs.data?.some((one) => one.id === job));

const refused = await client.GET("/jobs/{job}", { params: { path: { job: "none" } } });
assert.equal(refused.error?.status, 404);
assert.equal(refused.error?.title, "unknown job");
console.log("generated");
