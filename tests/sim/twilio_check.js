/*
 * twilio_check.js: the carrier's own client library against the simulator.
 * usage: node twilio_check.js SIM_URL ACCOUNT_SID AUTH_TOKEN
 * Prints nothing and ends with 0 when the library is content with everything.
 */
"use strict";

const assert = require("node:assert");
const http = require("node:http");
const querystring = require("node:querystring");
const twilio = require("twilio");

const [simUrl, accountSid, authToken] = process.argv.slice(2);
const from = "+15005550006";

/* The library only knows https://api.twilio.com: its requests are led to the simulator. */
class SimClient extends twilio.RequestClient {
	request(options) {
		assert(options.uri.startsWith("https://api.twilio.com/"), options.uri);
		return super.request({ ...options, uri: options.uri.replace("https://api.twilio.com", simUrl) });
	}
}

const client = twilio(accountSid, authToken, { httpClient: new SimClient() });
const hooks = []; /* every request from the simulator: { path, params } */

const twiml = {
	"/voice": () => {
		const response = new twilio.twiml.VoiceResponse();
		const gather = response.gather({ input: "speech dtmf", action: "/turn", timeout: 3 });
		gather.say({ voice: "alice", language: "en-GB" }, "Hello, this is a test.");
		return response.toString();
	},
	"/turn": () => {
		const response = new twilio.twiml.VoiceResponse();
		response.say("Thank you & goodbye.");
		response.hangup();
		return response.toString();
	},
	"/wait": () => {
		const response = new twilio.twiml.VoiceResponse();
		response.pause({ length: 60 });
		return response.toString();
	},
};

function serve(request, answer) {
	let body = "";
	request.on("data", (bytes) => (body += bytes));
	request.on("end", () => {
		const params = querystring.parse(body);
		const url = `http://${request.headers.host}${request.url}`;
		const path = new URL(url).pathname;
		const signature = request.headers["x-twilio-signature"];

		assert(twilio.validateRequest(authToken, signature, url, params), `signature of ${path}`);
		assert(!twilio.validateRequest("another token", signature, url, params));
		hooks.push({ path, params });
		answer.setHeader("Content-Type", "text/xml");
		answer.end(path in twiml ? twiml[path]() : "<Response/>");
	});
}

async function until(what, condition) {
	for (let i = 0; i < 400; i++) {
		const value = await condition();
		if (value) return value;
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
	throw new Error(`never came: ${what}`);
}

const told = (sid, path) => hooks.filter((h) => h.path === path && h.params.CallSid === sid);

async function wholeCall(base) {
	const call = await client.calls.create({
		to: "+14155550100", from, url: `${base}/voice?attempt=1`, method: "POST", timeout: 20, timeLimit: 60,
		statusCallback: `${base}/status`, statusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
		record: true, recordingTrack: "outbound", recordingStatusCallback: `${base}/recording`,
		recordingStatusCallbackEvent: ["in-progress", "completed", "absent"],
	});

	assert.match(call.sid, /^CA[0-9a-f]{32}$/);
	assert.strictEqual(call.status, "queued");
	assert(call.dateCreated instanceof Date && !Number.isNaN(call.dateCreated.getTime()));
	assert.strictEqual(call.startTime, null);
	const done = await until("completed", async () => {
		const now = await client.calls(call.sid).fetch();
		return now.status === "completed" && now;
	});
	assert(done.startTime <= done.endTime);
	assert.strictEqual(done.duration, "1");
	await until("four statuses", () => told(call.sid, "/status").length === 4);
	const last = await until("recording", () =>
		told(call.sid, "/recording").find((h) => h.params.RecordingStatus === "completed"));
	assert.strictEqual(told(call.sid, "/turn")[0].params.SpeechResult, "Hello, yes, how can I help you?");
	const recordings = await client.recordings.list({ callSid: call.sid });
	assert.deepStrictEqual(recordings.map((r) => r.sid), [last.params.RecordingSid]);
	assert.strictEqual(recordings[0].duration, last.params.RecordingDuration);
	await client.recordings(recordings[0].sid).remove();
	await client.calls(call.sid).remove();
	await assert.rejects(client.calls(call.sid).fetch(), { status: 404, code: 20404 });
}

async function lists(base) {
	const sids = [];
	for (let i = 0; i < 5; i++)
		sids.unshift((await client.calls.create({ to: "+14155550101", from, url: `${base}/turn` })).sid);
	const all = await client.calls.list({ to: "+14155550101", pageSize: 2 });
	assert.deepStrictEqual(all.map((c) => c.sid), sids);
	const some = await client.calls.list({ to: "+14155550101", limit: 3 });
	assert.deepStrictEqual(some.map((c) => c.sid), sids.slice(0, 3));
	const day = new Date(Date.now() - 86400000);
	await until("all ended", async () =>
		(await client.calls.list({ to: "+14155550101", status: "completed", startTimeAfter: day })).length === 5);
	assert.deepStrictEqual(await client.calls.list({ startTimeBefore: day }), []);
}

async function updates(base) {
	const live = await client.calls.create({ to: "+14155550102", from, url: `${base}/wait` });
	await until("in progress", async () => (await client.calls(live.sid).fetch()).status === "in-progress");
	await client.calls(live.sid).update({ url: `${base}/wait?again=1` });
	await until("redirected", () => told(live.sid, "/wait").length === 2);
	assert.strictEqual((await client.calls(live.sid).update({ status: "completed" })).status, "completed");
	await assert.rejects(client.calls(live.sid).update({ status: "completed" }), { status: 400, code: 21220 });

	const early = await client.calls.create({ to: "+14155550103", from, url: `${base}/wait` });
	assert.strictEqual((await client.calls(early.sid).update({ status: "canceled" })).status, "canceled");
}

async function refusals(base) {
	const url = `${base}/voice`;

	await assert.rejects(client.calls.create({ to: "+14155550012", from, url }),
		{ status: 400, code: 21211, moreInfo: "https://www.twilio.com/docs/errors/21211" });
	await assert.rejects(client.calls.create({ to: "+14155550009", from, url }), { status: 429, code: 20429 });
	await assert.rejects(client.calls.create({ to: "+14155550008", from, url }), { status: 500 });
	const stranger = twilio(accountSid, "wrong", { httpClient: new SimClient() });
	await assert.rejects(stranger.calls.list(), { status: 401, code: 20003, message: "Authenticate" });
}

async function main() {
	const server = http.createServer(serve).listen(0, "127.0.0.1");
	await new Promise((resolve) => server.once("listening", resolve));
	const base = `http://127.0.0.1:${server.address().port}`;

	await wholeCall(base);
	await lists(base);
	await updates(base);
	await refusals(base);
	process.exit(0);
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
