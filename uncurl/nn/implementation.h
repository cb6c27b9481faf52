// Which of two ways that compute the same.
#pragma once

namespace uncurl::nn {

/// The fastest there is for device and dtype, or the plain one that it is tested against.
enum class Implementation { kFastest, kPlain };

}  // namespace uncurl::nn
