/*
 * verify.js: the Standard Webhooks library against one message.
 * usage: node verify.js SECRET < {"headers": {…}, "body": "…"}
 * Ends with 0 when the signature is right by that secret, 3 when it is not.
 */
"use strict";

const { Webhook, WebhookVerificationError } = require("standardwebhooks");

const message = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
try {
	new Webhook(process.argv[2]).verify(message.body, message.headers);
} catch (error) {
	if (!(error instanceof WebhookVerificationError))
		throw error;
	process.exit(3);
}
