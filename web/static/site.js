// What all pages share: buttons that copy the text beside them.

for (const block of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break; // only with TLS, or on this computer
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.textContent.trim());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  (block.closest(".code") ?? block.parentElement).append(button);
}
