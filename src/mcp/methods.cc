#include "mcp/methods.h"

#include <array>

namespace weir {
namespace {

constexpr auto kNone = ListKind::none;

// name, route, kind, request, old, new, safe to repeat, cacheable
constexpr std::array kRows = {
    MethodRow{"tools/call", Route::by_name, ListKind::tools, true, true, true, false, false},
    MethodRow{"tools/list", Route::list, ListKind::tools, true, true, true, true, true},
    MethodRow{"resources/read", Route::by_uri, ListKind::resources, true, true, true, true, true},
    MethodRow{"resources/list", Route::list, ListKind::resources, true, true, true, true, true},
    MethodRow{"resources/templates/list", Route::list, ListKind::templates, true, true, true, true, true},
    MethodRow{"prompts/get", Route::by_name, ListKind::prompts, true, true, true, true, false},
    MethodRow{"prompts/list", Route::list, ListKind::prompts, true, true, true, true, true},
    MethodRow{"completion/complete", Route::by_ref, kNone, true, true, true, true, false},
    MethodRow{"server/discover", Route::discover, kNone, true, false, true, true, true},
    MethodRow{"initialize", Route::initialize, kNone, true, true, false, false, false},
    MethodRow{"resources/subscribe", Route::subscribe, ListKind::resources, true, true, false, true, false},
    MethodRow{"resources/unsubscribe", Route::unsubscribe, ListKind::resources, true, true, false, true,
              false},
    MethodRow{"subscriptions/listen", Route::listen, kNone, true, false, true, true, false},
    MethodRow{"ping", Route::ping, kNone, true, true, false, true, false},
    MethodRow{"logging/setLevel", Route::set_level, kNone, true, true, false, true, false},
    MethodRow{"tasks/get", Route::task, kNone, true, true, true, true, false},
    MethodRow{"tasks/result", Route::task, kNone, true, true, false, false, false},
    MethodRow{"tasks/update", Route::task, kNone, true, false, true, false, false},
    MethodRow{"tasks/cancel", Route::task, kNone, true, true, true, false, false},
    MethodRow{"tasks/list", Route::task_list, kNone, true, true, false, true, false},
    MethodRow{"notifications/initialized", Route::initialized, kNone, false, true, false, true, false},
    MethodRow{"notifications/cancelled", Route::cancelled, kNone, false, true, true, true, false},
    MethodRow{"notifications/progress", Route::progress, kNone, false, true, false, true, false},
    MethodRow{"notifications/roots/list_changed", Route::roots, kNone, false, true, false, true, false},
};

struct KindRow {
  std::string_view method, key, identity, capability;
};
constexpr std::array<KindRow, kListKinds> kKinds = {{
    {"tools/list", "tools", "name", "tools"},
    {"resources/list", "resources", "uri", "resources"},
    {"resources/templates/list", "resourceTemplates", "uriTemplate", "resources"},
    {"prompts/list", "prompts", "name", "prompts"},
}};

const KindRow& kind_row(ListKind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }

}  // namespace

std::span<const MethodRow> method_rows() noexcept { return kRows; }

const MethodRow* find_method(std::string_view method) noexcept {
  for (const MethodRow& row : kRows)
    if (row.name == method) return &row;
  return nullptr;
}

std::size_t method_index(const MethodRow& row) noexcept {
  return static_cast<std::size_t>(&row - kRows.data());
}

const MethodRow& list_method(ListKind kind) noexcept { return *find_method(kind_row(kind).method); }
std::string_view list_key(ListKind kind) noexcept { return kind_row(kind).key; }
std::string_view list_identity(ListKind kind) noexcept { return kind_row(kind).identity; }
std::string_view list_capability(ListKind kind) noexcept { return kind_row(kind).capability; }

}  // namespace weir
