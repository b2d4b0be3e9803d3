#include "balance/draw_table.h"

namespace weir {

DrawTable::DrawTable(const std::vector<Member>& members) : columns_(members.size()) {
  double total = 0;
  for (const Member& member : members) total += member.weight;
  // Each column holds one mean weight: those that have less are filled up by one that has more.
  std::vector<double> heights;
  std::vector<std::uint32_t> low, high;
  for (std::uint32_t i = 0; i < members.size(); ++i) {
    heights.push_back(members[i].weight * static_cast<double>(members.size()) / total);
    (heights[i] < 1 ? low : high).push_back(i);
    columns_[i] = {0, i};  // whole; also where rounding leaves one over
  }
  while (!low.empty() && !high.empty()) {
    const std::uint32_t filled = low.back(), giver = high.back();
    low.pop_back();
    columns_[filled] = {static_cast<std::uint32_t>(heights[filled] * 0x1p32), giver};
    heights[giver] -= 1 - heights[filled];
    if (heights[giver] >= 1) continue;
    high.pop_back();
    low.push_back(giver);
  }
}

}  // namespace weir
