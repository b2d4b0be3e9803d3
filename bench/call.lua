-- One tools/call of about 250 bytes in the form of 2026-07-28; TOOL names the tool, PAD adds bytes to it.
local tool = os.getenv("TOOL") or "echo"
local pad = string.rep("x", tonumber(os.getenv("PAD") or "0"))
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
wrk.headers["Mcp-Method"] = "tools/call"
wrk.headers["Mcp-Name"] = tool
wrk.body = '{"jsonrpc":"2.0","id":1234567,"method":"tools/call","params":{"name":"' .. tool ..
  '","arguments":{"text":"hello' .. pad .. '"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' ..
  '"io.modelcontextprotocol/clientCapabilities":{}}}}'
if os.getenv("CLOSE") then wrk.headers["Connection"] = "close" end
local bad = 0
function response(status, headers, body)
  if status ~= 200 or not string.find(body, '"id":1234567', 1, true) then bad = bad + 1 end
end
if os.getenv("CHECK") == nil then response = nil end
