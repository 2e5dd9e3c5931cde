/** "Verify": the images of a file as the installed flyte sees them, beside the predictions. */

import * as vscode from "vscode";
import { type LanguageClient, WorkDoneProgressCancelNotification } from "vscode-languageclient/node";

import { dialogs } from "../dialogs";
import { VERIFY, type Verified } from "../server/protocol";
import { savedOrNot } from "./save";

let number = 0;

/** Compares the images of a file, and says what came of it; differences are marked in the code. */
export async function verify(
  client: LanguageClient,
  argument: { uri: string; name?: string },
): Promise<Verified | undefined> {
  const token = `image-lsp-vscode-verify-${String((number += 1))}`;
  try {
    const verified = await dialogs.progress("Asking flyte", async (_progress, cancelled) => {
      const cancels = cancelled.onCancellationRequested(() => {
        void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
      });
      const parameters = { command: VERIFY, arguments: [argument], workDoneToken: token };
      try {
        return await client.sendRequest<Verified>("workspace/executeCommand", parameters);
      } finally {
        cancels.dispose();
      }
    });
    tell(verified);
    return verified;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (await savedOrNot(message)) {
      return verify(client, argument);
    }
    void dialogs.say("error", message);
    return undefined;
  }
}

function tell(verified: Verified): void {
  const { text, isWrong } = summary(verified);
  if (!isWrong) {
    void dialogs.say("information", text);
    return;
  }
  const problems = "Show Problems";
  void dialogs.say("warning", text, problems).then((chosen) => {
    if (chosen === problems) {
      void vscode.commands.executeCommand("workbench.actions.view.problems");
    }
  });
}

/** What came of it, in one line. */
export function summary(verified: Verified): { text: string; isWrong: boolean } {
  const { images } = verified;
  const by = (verdict: string) => images.filter((image) => image.verdict === verdict);
  const different = by("different");
  const flyte = `flyte ${verified.flyte_version}`;
  if (different.length > 0) {
    const names = different.map((image) => image.names[0] ?? "an image").join(", ");
    return {
      text: `${flyte} makes something else of ${names}: ${different[0]?.difference?.message ?? ""}`,
      isWrong: true,
    };
  }
  const open = by("not-comparable");
  const rest = open.length === 0 ? "" : ` ${String(open.length)} cannot be compared: ${open[0]?.reason ?? ""}.`;
  const equal = by("equal").length;
  return {
    text: `${String(equal)} of ${String(images.length)} images are what ${flyte} makes of them.${rest}`,
    isWrong: false,
  };
}
